(function () {
  "use strict";
  var name = "pnl", data = document.currentScript.dataset, store = window.localStorage;
  var query = new URLSearchParams(location.search), token = query.get(name);
  if (token) {
    // Off the address bar: bookmarks, analytics and the next site need not know it.
    query.delete(name);
    var rest = query.toString();
    history.replaceState(null, "", location.pathname + (rest && "?" + rest) + location.hash);
  }
  function tell(visitor) {
    window.perennial.visitor = visitor;
    document.dispatchEvent(new Event("perennial"));
  }
  function visit() {
    if (navigator.doNotTrack === "1" || navigator.globalPrivacyControl) return;
    var visitor = token || store.getItem(name);
    if (!visitor) return;
    store.setItem(name, visitor);
    var body = { visitor: visitor, kind: data.kind || "", topic: data.topic || "" };
    navigator.sendBeacon(data.to + "/v1/visits", JSON.stringify(body));
    tell(visitor);
  }
  function forget() {
    token = null;
    store.removeItem(name);
    tell(null);
  }
  // Your consent banner calls one of these. Until then nothing is kept and nothing is sent.
  window.perennial = { consent: visit, forget: forget };
  if (store.getItem(name)) visit();
})();
