/* The fields of a letter in the reply box: what stands in the closed line, who is new, and drafts of them. */
(function () {
  'use strict'

  const desk = (window.everydesk = window.everydesk || {})

  function box(form) { return form && form.querySelector('.letter-form') }
  function fieldsOf(form) { return [...form.querySelectorAll('[name^="letter_"]:not([type="hidden"])')] }
  function key(form) {
    return ['everydesk.letter', document.body.dataset.staff, form.dataset.conversation].join('.')
  }

  function addressesIn(form) {
    const listed = [form.querySelector('[name="letter_cc"]').value]
    form.querySelectorAll('[name="letter_cc_more"]:checked').forEach(function (chosen) { listed.push(chosen.value) })
    const found = listed.join(',').toLowerCase().match(/[^\s@,;，；、<>"]+@[^\s@,;，；、<>"]+/g) || []
    return [...new Set(found)]
  }

  function entriesOf(form) {
    return fieldsOf(form).map(function (field) {
      return [field.name, field.value, field.type === 'checkbox' ? field.checked : null]
    })
  }

  /* Puts values back; of those that are no longer offered, addresses stay under "cc". */
  function fill(form, entries) {
    const cc = form.querySelector('[name="letter_cc"]')
    const lost = []
    for (const [name, value, checked] of entries) {
      const field = fieldsOf(form).find(function (each) {
        return each.name === name && (name !== 'letter_cc_more' || each.value === value)
      })
      if (!field) {
        if (name === 'letter_cc_more' && checked) lost.push(value)
      } else if (checked === null) field.value = value
      else field.checked = checked
    }
    const missing = lost.filter(function (one) { return !cc.value.includes(one) })
    if (missing.length) cc.value = [cc.value].concat(missing).filter(Boolean).join(', ')
  }

  /* Shows in the closed line what is inside, and warns of those who read a message for the first time. */
  desk.showLetter = function (form) {
    if (!box(form)) return
    const addresses = addressesIn(form)
    const count = form.querySelector('[data-cc-label]')
    count.textContent = count.dataset.ccLabel + ' ' + addresses.length
    count.hidden = !addresses.length
    form.querySelector('[data-subject]').textContent = form.querySelector('[name="letter_subject"]').value
    const known = form.querySelector('[name="letter_cc"]').dataset.readers.split(' ')
    const quotes = form.querySelector('[name="letter_quotes"]').checked
    const fresh = quotes ? addresses.filter(function (one) { return !known.includes(one) }) : []
    const warning = form.querySelector('[data-new-readers]')
    warning.hidden = !fresh.length || form.dataset.mode !== 'reply'
    warning.querySelector('span').textContent = warning.dataset.newReaders.replace('%s', fresh.join(', '))
  }

  /* What somebody changed is kept; what nobody changed begins anew with what the server knows. */
  function remember(form) {
    sessionStorage.setItem(key(form), JSON.stringify(entriesOf(form)))
  }

  desk.forgetLetter = function (form) {
    sessionStorage.removeItem(key(form))
  }

  /* Takes the fields of a letter that was not sent back into the box. */
  desk.fillLetter = function (form, fields) {
    if (!box(form)) return
    const sent = fields.filter(function (field) { return field[0].startsWith('letter_') })
    if (!sent.length) return
    const chosen = new Set(sent.filter(function (field) { return field[0] === 'letter_cc_more' }).map(function (field) { return field[1] }))
    const texts = sent.filter(function (field) { return field[0] === 'letter_cc' || field[0] === 'letter_subject' })
    const quotes = sent.some(function (field) { return field[0] === 'letter_quotes' })
    form.querySelectorAll('[name="letter_cc_more"]').forEach(function (field) { field.checked = false })
    fill(form, texts.map(function (field) { return [field[0], field[1], null] })
      .concat([...chosen].map(function (value) { return ['letter_cc_more', value, true] }))
      .concat([['letter_quotes', 'on', quotes]]))
    remember(form)
    desk.showLetter(form)
  }

  function restore() {
    const form = document.getElementById('composer')
    if (!box(form) || form.dataset.lettered) return
    form.dataset.lettered = 'yes'
    try {
      if (!box(form).open) fill(form, JSON.parse(sessionStorage.getItem(key(form)) || '[]'))
    } catch (unreadable) {
      sessionStorage.removeItem(key(form))
    }
    desk.showLetter(form)
  }

  document.addEventListener('input', function (event) {
    if (!event.target.closest || !event.target.closest('.letter-form')) return
    const form = event.target.form
    remember(form)
    desk.showLetter(form)
  })

  document.addEventListener('keydown', function (event) {
    const opened = event.target.closest && event.target.closest('.letter-form[open]')
    if (!opened) return
    if (event.key === 'Escape') {
      event.stopPropagation()
      opened.open = false
      opened.querySelector('summary').focus()
    } else if (event.key === 'Enter' && event.target.matches('input')) {
      // Enter in a field of an address sends nothing by mistake.
      event.preventDefault()
      document.querySelector('#composer textarea').focus()
    }
  })

  // The pictures of a letter were asked for: the button has done its work.
  document.addEventListener('click', function (event) {
    const shows = event.target.closest && event.target.closest('.as-sent a[target^="letter-"]')
    if (shows) setTimeout(function () { shows.hidden = true })
  })

  document.addEventListener('htmx:afterSettle', restore)
  document.addEventListener('everydesk:placed', restore)
  restore()
})()
