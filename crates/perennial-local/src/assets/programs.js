// Shows the page anew when a file of the programs has changed.
const shown = document.currentScript.dataset.stamp;
const look = async () => {
  try {
    const answer = await fetch("/programs/stamp");
    if (answer.ok && (await answer.text()) !== shown) return location.reload();
  } catch {
    // The suite is not up: it may come back.
  }
  setTimeout(look, 1000);
};
setTimeout(look, 1000);
