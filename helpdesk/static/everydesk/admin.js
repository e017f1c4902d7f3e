// What is live looks again every few seconds, while somebody can see it.
setInterval(() => {
  if (document.visibilityState !== "visible") return;
  for (const shown of document.querySelectorAll("[data-look]")) htmx.trigger(shown, "look");
}, 4000);

// Copies the text of a field named by the button's data-copy.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.copied;
  } catch {
    // Without permission the selected text is copied by hand.
  }
});
