/* Shows and hides the password; the page works without it. */
(function () {
  'use strict'
  document.querySelectorAll('[data-reveal]').forEach(function (button) {
    const field = document.getElementById(button.dataset.reveal)
    button.hidden = false
    button.addEventListener('click', function () {
      field.type = field.type === 'password' ? 'text' : 'password'
      button.setAttribute('aria-pressed', String(field.type === 'text'))
    })
  })
})()
