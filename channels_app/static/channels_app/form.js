/* Comforts of the contact form; it works without them. */
(() => {
  'use strict'
  const tell = facts => parent !== window && parent.postMessage({everydesk: 'form', ...facts}, '*')
  new ResizeObserver(() => tell({height: document.querySelector('.card').getBoundingClientRect().height})).observe(document.querySelector('.card'))

  const said = document.querySelector('#problem, #said')
  if (said) {
    tell({top: true})
    const wrong = document.querySelector('.wrong input, .wrong select, .wrong textarea')
    ;(wrong || said).focus({preventScroll: parent !== window})
  }

  const form = document.querySelector('form[data-file-bytes]')
  if (!form) return
  const files = form.querySelector('input[type=file]')
  const button = form.querySelector('button.send')
  const label = button.textContent
  if (files) files.addEventListener('change', () => {
    const size = [...files.files].reduce((sum, file) => sum + file.size, 0)
    files.setCustomValidity(size > Number(form.dataset.fileBytes) ? form.dataset.tooLarge : '')
    files.reportValidity()
  })
  form.addEventListener('submit', event => {
    if (files && !files.checkValidity()) {
      event.preventDefault()
      files.reportValidity()
      return
    }
    // After the browser has collected what it sends.
    setTimeout(() => { button.disabled = true; button.textContent = form.dataset.busy })
  })
  // Back from the thanks page.
  addEventListener('pageshow', () => { button.disabled = false; button.textContent = label })
})()
