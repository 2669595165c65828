// The keys and screens of the machine itself: media keys, lock screens, headphones.

export function tellMachine({ number, name }, session, playing) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = new MediaMetadata({ title: `${number} ${name}`, artist: session });
  navigator.mediaSession.playbackState = playing ? "playing" : "paused";
}

export function handleMediaKeys(actions) {
  if (!("mediaSession" in navigator)) return;
  for (const [name, does] of Object.entries(actions)) {
    try {
      navigator.mediaSession.setActionHandler(name, does);
    } catch {
      // an older browser does not know all of them
    }
  }
}
