(function () {
  "use strict";
  var place = document.currentScript.previousElementSibling, link = place.querySelector("a");
  // The page's script says who is here, and only once they agreed to be known.
  function show() {
    var visitor = window.perennial && window.perennial.visitor;
    if (visitor) link.href = place.dataset.to + encodeURIComponent(visitor) + "?more";
    else link.removeAttribute("href");
    place.hidden = !visitor;
  }
  document.addEventListener("perennial", show);
  show();
})();
