/* Buttons of the shop that start a chat with a question. */
document.addEventListener('click', function (event) {
  const target = event.target.closest('[data-ask], [data-chat]')
  if (!target || !window.Everydesk) return
  event.preventDefault()
  if (target.dataset.ask) window.Everydesk.write(target.dataset.ask)
  else window.Everydesk.open()
})
