// Shows the page anew when a file of the programs has changed. A page without a stamp could not be made: it is asked for
// until it can.
const { stamp } = document.currentScript.dataset;
const look = async () => {
  try {
    const answer = await fetch(stamp ? "/programs/stamp" : location.href);
    if (answer.ok && (!stamp || (await answer.text()) !== stamp)) return location.reload();
  } catch {
    // The suite is not up: it may come back.
  }
  setTimeout(look, 1000);
};
setTimeout(look, 1000);

// Each frame is as high as its mail.
const frames = document.querySelectorAll("iframe.body");
const fit = (frame) => {
  const mail = frame.contentDocument;
  if (!mail || mail.URL === "about:blank") return; // It is not loaded before one comes near.
  frame.height = mail.documentElement.offsetHeight + frame.offsetHeight - frame.clientHeight;
};
frames.forEach((frame) => {
  frame.addEventListener("load", () => fit(frame));
  fit(frame);
});
addEventListener("resize", () => frames.forEach(fit));
