/* The laboratory: a slider tells its figure while it moves. */
(function () {
  'use strict'

  document.addEventListener('input', function (event) {
    const form = event.target.closest('[data-draft]')
    if (!form || !event.target.matches('[data-points]')) return
    event.target.closest('.slider').querySelector('[data-of]').textContent = event.target.value
    let total = 0
    for (const slider of form.querySelectorAll('[data-points]')) total += Number(slider.value)
    form.querySelector('[data-total]').textContent = String(total)
  })
})()
