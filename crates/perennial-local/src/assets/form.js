// Where the visitor is and where they came from: sent if known, left out if not.
const known = new URLSearchParams(location.search);
known.set("timezone", Intl.DateTimeFormat().resolvedOptions().timeZone ?? "");
for (const field of document.querySelectorAll('input[type="hidden"][disabled]')) {
  field.value = known.get(field.name) ?? "";
  field.disabled = field.value === "";
}
