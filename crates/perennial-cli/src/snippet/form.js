(function () {
  "use strict";
  var form = document.currentScript.previousElementSibling, email = form.elements.email;
  var hint = form.querySelector("[data-meant]"), query = new URLSearchParams(location.search);
  var big = ["gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com"];
  function put(name, value) {
    if (!value) return;
    var field = form.elements[name] || form.appendChild(document.createElement("input"));
    field.type = "hidden";
    field.name = name;
    field.value = value;
  }
  function stamp() {
    fetch(form.action + "/stamp").then(function (answer) { return answer.json(); })
      .then(function (fresh) { put("_stamp", fresh.stamp); }, function () {});
  }
  function near(a, b) {
    var i = 0;
    while (i < a.length && a[i] === b[i]) i++;
    a = a.slice(i);
    b = b.slice(i);
    return a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) ||
      (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2));
  }
  email.addEventListener("change", function () {
    var at = email.value.lastIndexOf("@"), domain = email.value.slice(at + 1).toLowerCase();
    var meant = at > 0 && big.indexOf(domain) < 0 && big.find(function (known) { return near(domain, known); });
    hint.hidden = !meant;
    hint.value = meant ? email.value.slice(0, at + 1) + meant : "";
    hint.textContent = hint.dataset.meant.replace("{}", hint.value);
  });
  hint.addEventListener("click", function () {
    email.value = hint.value;
    hint.hidden = true;
    email.focus();
  });
  ["source", "medium", "campaign", "term", "content"].forEach(function (part) {
    put("utm_" + part, query.get("utm_" + part));
  });
  put("timezone", Intl.DateTimeFormat().resolvedOptions().timeZone);
  put("language", document.documentElement.lang);
  stamp();
  setInterval(stamp, 216e5);
})();
