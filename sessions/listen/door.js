// Coming in: the token is exchanged for a cookie once, from the address or from a person.

import { enter, tokenOfAddress } from "./studio.js";

const $ = (id) => document.getElementById(id);

export class Door {
  constructor(opened) {
    this.opened = opened;
    $("door").addEventListener("cancel", (event) => event.preventDefault());
    $("door-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.comeIn($("token").value.trim());
    });
    addEventListener("hashchange", () => {
      const given = tokenOfAddress();
      if (given) this.comeIn(given);
    });
  }

  ask(words = "") {
    $("door-trouble").textContent = words;
    if (!$("door").open) $("door").showModal();
  }

  async comeIn(token) {
    try {
      await enter(token);
    } catch (error) {
      this.ask(error.status === 401 ? "That is not this studio's token." : `${error.message} ${error.hint}`);
      return;
    }
    $("token").value = "";
    $("door").close();
    await this.opened();
  }

  /** Comes in with the token of the address, if it has one, or with the cookie of an earlier day. */
  async begin() {
    const token = tokenOfAddress();
    await (token ? this.comeIn(token) : this.opened());
  }
}
