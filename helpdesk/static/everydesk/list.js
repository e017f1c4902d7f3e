/* The list: where the row of a changed conversation belongs on this screen, and how many stand under each heading. */
(function () {
  'use strict'

  const body = document.body
  const desk = (window.everydesk = window.everydesk || {})
  // So many rows come to stand here by themselves; the rest is a reload away.
  const MOST_ROWS = 200
  let held = []
  // A row that is pressed or fetches its conversation stays the element it is until that is over: what comes of
  // it belongs to that element. Then it becomes what it should have become.
  let pressed = null
  let pending = []
  let isOld = false

  function isOver(row) {
    return row.dataset.state === 'resolved' || row.dataset.state === 'closed'
  }

  function mineGroup(list, row) {
    if (row.dataset.owner === body.dataset.staff) {
      const groups = { open: 'turn', waiting: 'customer', snoozed: 'snoozed' }
      return list.querySelector('[data-group="' + groups[row.dataset.state] + '"]')
    }
    const known = (list.dataset.departments || '').split(' ').includes(row.dataset.department)
    return row.dataset.state === 'queued' && known ? list.querySelector('[data-group="pool"]') : null
  }

  /* Returns the heading under which a row belongs on this screen, or null when it does not. */
  function groupFor(row, isShown) {
    const list = document.getElementById('conversations')
    const view = list.dataset.view
    const only = list.querySelector('[data-group="all"]')
    if (row.dataset.gone !== undefined || (isOver(row) && view !== 'all')) return null
    if (view === 'mine') return mineGroup(list, row)
    if (view === 'waiting') return row.dataset.owner === body.dataset.staff && row.dataset.state === 'waiting' ? only : null
    if (view === 'mentions' || view === 'search') return isShown ? only : null
    return only
  }

  function comesBefore(row, other) {
    const list = document.getElementById('conversations')
    const key = list.dataset.sort === 'waiting' ? 'waiting' : 'rank'
    return Number(row.dataset[key]) > Number(other.dataset[key])
  }

  function insertSorted(row, heading) {
    let place = heading
    let next = heading.nextElementSibling
    while (next && next.classList.contains('conv') && !comesBefore(row, next)) {
      place = next
      next = next.nextElementSibling
    }
    place.after(row)
    count(heading, 1)
  }

  function forgetLast(list) {
    const rows = list.querySelectorAll('.conv')
    const last = rows[rows.length - 1]
    if (rows.length > MOST_ROWS && !isHeld(last) && !last.hasAttribute('aria-current')) last.remove()
  }

  function takeOut(row) {
    count(headingOf(row), -1)
    row.remove()
  }

  /* Counts under a heading; counting stops at a hundred, as in the page itself. */
  function count(heading, more) {
    const figure = heading && heading.querySelector('[data-count]')
    if (!figure) return
    const number = Math.max(0, Number(figure.dataset.count) + more)
    figure.dataset.count = String(number)
    figure.textContent = number > 99 ? '99+' : String(number)
    const mine = document.getElementById('to-answer')
    if (!mine || heading.dataset.group !== 'turn') return
    mine.textContent = mine.dataset.text.replace('%s', number)
    mine.hidden = !number
  }

  function keepPersonal(row, old) {
    const mark = old.querySelector('.unread')
    const fresh = row.querySelector('.unread')
    if (mark && fresh) fresh.textContent = mark.textContent
    if (old.hasAttribute('aria-current')) row.setAttribute('aria-current', 'true')
    row.classList.toggle('read', old.classList.contains('read'))
  }

  function isHeld(element) {
    return element.matches(':hover') || element.contains(document.activeElement)
  }

  function headingOf(row) {
    let place = row
    while (place && !place.classList.contains('group')) place = place.previousElementSibling
    return place
  }

  function countUnread(row, old) {
    const mark = row.querySelector('.unread')
    const grown = row.dataset.direction === 'in' && (!old || Number(row.dataset.number) > Number(old.dataset.number))
    const timeline = desk.timeline()
    const onScreen = timeline && timeline.dataset.conversation === row.dataset.conversation
    if (!grown || !mark || row.dataset.owner !== body.dataset.staff) return
    row.dispatchEvent(new CustomEvent('everydesk:unread', { bubbles: true }))
    if (onScreen && document.visibilityState === 'visible') return
    mark.textContent = String(Number(mark.textContent || 0) + 1)
    row.classList.remove('read')
  }

  desk.placeRow = function (row) {
    const list = document.getElementById('conversations')
    if (!list) return
    const old = document.getElementById(row.id)
    if (old && (old === pressed || old.matches('.htmx-request'))) {
      pending.push(row)
      return
    }
    const heading = groupFor(row, Boolean(old))
    if (old) keepPersonal(row, old)
    if (!heading) {
      if (old && isHeld(old) && row.dataset.gone === undefined) held.push(row)
      else if (old) takeOut(old)
      return
    }
    if (!old) {
      insertSorted(row, heading)
      forgetLast(list)
    } else if (headingOf(old) === heading) replaceRow(old, row)
    else if (isHeld(old)) {
      replaceRow(old, row)
      held.push(row)
    } else {
      takeOut(old)
      insertSorted(row, heading)
    }
    htmx.process(row)
    countUnread(row, old)
    desk.refreshViews()
    updateEmpty()
  }

  function isBusy() {
    return Boolean(pressed || document.querySelector('#list .conv.htmx-request'))
  }

  function fetchAnew() {
    isOld = isBusy()
    if (!isOld) htmx.trigger(document.getElementById('list'), 'refresh')
  }

  /* Fetches anew what somebody is called into, where that is on screen. */
  desk.refreshCalls = function () {
    desk.refreshViews()
    if (document.querySelector('#conversations[data-view="mentions"]')) fetchAnew()
  }

  // A list that comes while a row is busy would take it away; it is fetched again afterwards.
  document.addEventListener('htmx:beforeSwap', function (event) {
    if (event.detail.target.id !== 'list' || !isBusy()) return
    event.detail.shouldSwap = false
    isOld = true
  })

  function replaceRow(old, row) {
    if (old === row) return
    const focused = old === document.activeElement
    old.replaceWith(row)
    if (focused) row.focus({ preventScroll: true })
  }

  function updateEmpty() {
    const list = document.getElementById('conversations')
    const empty = list && list.querySelector('.empty')
    if (empty) empty.hidden = Boolean(list.querySelector('.conv'))
  }

  document.addEventListener('pointerdown', function (event) {
    pressed = event.target.closest('#conversations .conv')
  }, true)

  function placePending() {
    const rows = pending
    pending = []
    rows.forEach(desk.placeRow)
    if (isOld) fetchAnew()
  }

  for (const kind of ['pointerup', 'pointercancel']) {
    document.addEventListener(kind, function () {
      // The click comes after this.
      setTimeout(function () {
        pressed = null
        placePending()
      })
    }, true)
  }

  document.addEventListener('htmx:afterRequest', function () {
    if (pending.length || isOld) setTimeout(placePending)
  })

  // A row under the pointer or the focus waits until both have left.
  document.addEventListener('pointerout', function () {
    if (!held.length) return
    const rows = held
    held = []
    setTimeout(function () { rows.forEach(desk.placeRow) }, 200)
  })
})()
