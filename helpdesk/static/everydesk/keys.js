/* The keyboard map; silent inside fields, and switched off by a preference. */
(function () {
  'use strict'

  const body = document.body
  const desk = (window.everydesk = window.everydesk || {})
  let prefix = 0

  function press(selector) {
    const target = [...document.querySelectorAll(selector)].find(function (each) {
      return !each.disabled && each.getClientRects().length
    }) || document.querySelector(selector)
    if (!target) return false
    target.click()
    return true
  }

  function step(direction) {
    const rows = [...document.querySelectorAll('#conversations .conv')]
    if (!rows.length) return
    const at = rows.findIndex(function (row) { return row.hasAttribute('aria-current') })
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + direction))]
    if (!next || next.hasAttribute('aria-current')) return
    next.scrollIntoView({ block: 'nearest' })
    next.click()
  }

  function isField(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
  }

  const plain = {
    j: function () { step(1) },
    k: function () { step(-1) },
    r: function () { if (!desk.isOnItsWay('reply')) desk.setMode('reply') },
    n: function () { if (!desk.isOnItsWay('note')) desk.setMode('note') },
    '@': function () { desk.togglePicker('colleagues') },
    '/': function () {
      const field = document.getElementById('search')
      if (!field) {
        press('[data-key="/"]')
        return
      }
      if (!field.getClientRects().length) desk.setPane('views')
      field.focus()
      field.select()
    },
    '?': function () { press('[data-key="?"]') },
    g: function () { prefix = Date.now() }
  }

  const places = { b: '[data-key="g b"]', i: '[data-key="g i"]' }

  function afterPrefix(event) {
    if (Date.now() - prefix > 1500) return false
    prefix = 0
    return Boolean(places[event.key]) && press(places[event.key])
  }

  function escape(event) {
    if (desk.closePicker && desk.closePicker()) return
    const menu = document.querySelector('.actions-menu[open]')
    if (menu) {
      menu.open = false
      menu.querySelector('summary').focus()
      return
    }
    if (document.getElementById('dialog') && document.getElementById('dialog').open) return
    if (isField(event.target)) event.target.blur()
    else if (body.dataset.pane === 'context' || body.dataset.pane === 'views') desk.setPane('thread')
  }

  function reason(event) {
    const offer = document.querySelector('#offer [data-reason="' + CSS.escape(event.key) + '"]')
    if (offer && offer.getClientRects().length) offer.click()
    return Boolean(offer)
  }

  document.addEventListener('keydown', function (event) {
    if (event.key === 'Escape') {
      escape(event)
      return
    }
    if (body.dataset.keys === 'off' || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (isField(event.target) || event.target.closest('dialog')) return
    if (afterPrefix(event) || (/^[1-4]$/.test(event.key) && reason(event))) {
      event.preventDefault()
      return
    }
    if (plain[event.key]) {
      event.preventDefault()
      plain[event.key]()
    } else if (desk.isOnItsWay()) {
      // What is pressed meanwhile is not meant for the conversation that leaves.
      event.preventDefault()
    } else if (/^[a-z]$/.test(event.key) && press('[data-key="' + event.key + '"]')) {
      event.preventDefault()
    }
  })
})()
