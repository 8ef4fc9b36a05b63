// A WebSocket that comes back: soon at first, then slower, at once when the network or the page is back.

const FIRST_MS = 400;
const LAST_MS = 8000;
const LOGGED_OUT = 4401; // the box ended the session, perhaps in another tab

export function lasting(path, { open = () => {}, words = () => {}, bytes = () => {}, down = () => {} }) {
  let socket = null;
  let wait = FIRST_MS;
  let timer = 0;
  let ended = false;

  function connect() {
    clearTimeout(timer);
    if (ended || (socket && socket.readyState <= WebSocket.OPEN)) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(`${scheme}//${location.host}${typeof path === "function" ? path() : path}`);
    socket = mine;
    mine.binaryType = "arraybuffer";
    mine.onopen = () => open(mine);
    mine.onmessage = ({ data }) => {
      wait = FIRST_MS;
      if (typeof data === "string") words(JSON.parse(data), mine);
      else bytes(data);
    };
    mine.onclose = (event) => {
      if (mine !== socket || ended) return;
      if (event.code === LOGGED_OUT) {
        setTimeout(anew, wait); // the tab that logs out is on its way to the login already
        return;
      }
      down(event);
      timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(LAST_MS, wait * 2);
    };
  }

  // A reload leads to the login and back; not where this tab has another session by now: the password was changed in it.
  async function anew() {
    const answer = await fetch(location.pathname, { cache: "no-store", headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.redirected) location.reload();
    else connect();
  }

  const again = () => document.visibilityState === "visible" && connect();
  addEventListener("online", again);
  document.addEventListener("visibilitychange", again);
  connect();
  return {
    end() {
      ended = true;
      clearTimeout(timer);
      removeEventListener("online", again);
      document.removeEventListener("visibilitychange", again);
      socket?.close();
    },
    restart() {
      socket?.close(4000, "again");
    },
  };
}
