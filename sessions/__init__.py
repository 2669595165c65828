"""The jam: recipes, takes, the loop and the studio. It arrives with the session; nothing is in here yet."""
