/* The staff socket: places the fragments it brings, catches up after a break and says so. */
(function () {
  'use strict'

  const body = document.body
  if (!body.dataset.staff) return
  const desk = (window.everydesk = window.everydesk || {})
  let socket = null
  let breaks = 0
  let caughtUp = 0
  let offlineTimer = 0
  let listTimer = 0
  let waiting = []

  // Full jitter, eight seconds at most: a restarted server is not met by everybody at once.
  htmx.config.wsReconnectDelay = function (attempt) {
    return Math.random() * Math.min(8000, 500 * Math.pow(2, attempt))
  }

  desk.send = function (message) {
    if (!socket) return false
    socket.send(JSON.stringify(message), body)
    return true
  }

  desk.timeline = function () {
    return document.getElementById('timeline')
  }

  desk.lastNumber = function () {
    const entries = document.querySelectorAll('#timeline li[data-number]')
    let last = 0
    entries.forEach(function (entry) { last = Math.max(last, Number(entry.dataset.number)) })
    return last
  }

  /* Tells the server which thread is on screen; it answers with the entries that follow. */
  desk.openThread = function () {
    const timeline = desk.timeline()
    if (timeline && timeline.dataset.conversation) {
      desk.send({ type: 'open', conversation: Number(timeline.dataset.conversation), after: desk.lastNumber() })
    } else {
      desk.send({ type: 'open', conversation: null, after: 0 })
    }
  }

  /* Tells the server which rows are on screen, so that it can take away what may no longer be seen, and since
     when, so that it can send what has changed before the socket could hear of it. */
  desk.tellRows = function () {
    const list = document.getElementById('conversations')
    const rows = [...document.querySelectorAll('#conversations .conv')].slice(0, 500)
    desk.send({
      type: 'list',
      conversations: rows.map(function (row) { return Number(row.dataset.conversation) }),
      read: list ? Number(list.dataset.read) : 0
    })
  }

  desk.refreshList = function (delay) {
    clearTimeout(listTimer)
    listTimer = setTimeout(function () {
      document.querySelectorAll('[data-refreshes]').forEach(function (part) { htmx.trigger(part, 'refresh') })
    }, delay || 0)
  }

  let viewsTimer = 0
  /* Counts are personal: each screen asks for its own, soon but not at every change. */
  desk.refreshViews = function () {
    const views = document.getElementById('views')
    if (!views || viewsTimer) return
    viewsTimer = setTimeout(function () {
      viewsTimer = 0
      htmx.trigger(views, 'refresh')
    }, 1500 + Math.random() * 1500)
  }

  /* Entries */

  function isAtBottom(timeline) {
    return Math.abs(timeline.scrollTop) < 60 // column-reverse: 0 is the newest
  }

  function showPill(timeline, count) {
    const pill = timeline.querySelector('.pill')
    if (!pill) return
    const total = Number(pill.dataset.count || 0) + count
    pill.dataset.count = String(total)
    pill.textContent = (total === 1 ? pill.dataset.one : pill.dataset.many).replace('%s', String(total))
    pill.hidden = false
  }

  desk.placeEntry = function (entry) {
    const timeline = desk.timeline()
    if (!timeline || entry.dataset.conversation !== timeline.dataset.conversation) return
    const list = timeline.querySelector('ol')
    const old = document.getElementById(entry.id)
    if (old) {
      old.replaceWith(entry)
      htmx.process(entry)
      return
    }
    const stay = isAtBottom(timeline)
    const number = Number(entry.dataset.number)
    desk.dropPending(entry)
    let before = null
    list.querySelectorAll('li[data-number], li.is-pending').forEach(function (other) {
      if (before) return
      if (other.classList.contains('is-pending') || Number(other.dataset.number) > number) before = other
    })
    list.insertBefore(entry, before)
    htmx.process(entry)
    if (stay) timeline.scrollTop = 0
    else if (entry.classList.contains('msg')) showPill(timeline, 1)
    desk.noticeEntry(entry)
  }

  desk.dropPending = function (entry) {
    if (entry.dataset.staff !== body.dataset.staff) return
    const text = entry.querySelector('.bubble > p')
    const pending = document.querySelectorAll('#timeline li.is-pending')
    for (const item of pending) {
      const shown = item.querySelector('.bubble > p')
      if (!text || !shown || shown.textContent.trim() === text.textContent.trim()) {
        item.remove()
        return
      }
    }
  }

  desk.noticeEntry = function (entry) {
    entry.dispatchEvent(new CustomEvent('everydesk:entry', { bubbles: true }))
    const timeline = desk.timeline()
    if (document.visibilityState === 'visible' && timeline && entry.dataset.direction === 'in') {
      desk.send({ type: 'seen', conversation: Number(timeline.dataset.conversation), number: desk.lastNumber() })
    }
  }

  /* Fragments that come by the socket: each is the element with its id, or a new one with a place of its own */

  function place(fragment) {
    const shown = fragment.id && document.getElementById(fragment.id)
    if (shown && isAsking(shown)) waiting.push(fragment)
    else if (fragment.matches('li[data-number]')) desk.placeEntry(fragment)
    else if (fragment.matches('.conv')) desk.placeRow(fragment)
    else if (fragment.matches('.toast')) document.getElementById('toasts').append(fragment)
    else if (fragment.id === 'offer') showOffer(fragment)
    else if (fragment.id === 'call-dock') showCalls(fragment)
    else if (fragment.dataset.refresh) refreshPart(fragment)
    else if (fragment.dataset.callsChanged !== undefined) desk.refreshCalls()
    else replacePart(fragment)
  }

  // Who asked the server stays until the answer has come: htmx finds the parts of the page from there.
  function isAsking(shown) {
    return shown.matches('.htmx-request') || Boolean(shown.querySelector('.htmx-request'))
  }

  document.addEventListener('htmx:afterRequest', function () {
    if (!waiting.length) return
    const fragments = waiting
    waiting = []
    setTimeout(function () { fragments.forEach(place) })
  })

  /* What each screen asks for by itself, such as the board of one department. */
  function refreshPart(fragment) {
    const shown = document.getElementById(fragment.dataset.refresh)
    if (!shown) return
    if (shown.querySelector('.htmx-request')) waiting.push(fragment)
    else htmx.trigger(shown, 'refresh')
  }

  function replacePart(fragment) {
    const shown = fragment.id && document.getElementById(fragment.id)
    if (!shown || keepsFocus(shown)) return
    // Somebody may have opened another conversation meanwhile.
    const about = fragment.dataset.closes || fragment.dataset.conversation
    if (about !== shown.dataset.conversation) return
    shown.replaceWith(fragment)
    htmx.process(fragment)
    document.dispatchEvent(new CustomEvent('everydesk:placed'))
  }

  // The same offer again changes nothing: somebody may be choosing a reason.
  function showOffer(fragment) {
    const shown = document.getElementById('offer')
    if (shown && shown.dataset.offer === fragment.dataset.offer) return
    if (shown) shown.replaceWith(fragment)
    else body.append(fragment)
    htmx.process(fragment)
    if (!fragment.hidden) fragment.dispatchEvent(new CustomEvent('everydesk:offer', { bubbles: true }))
  }

  // A call that rings is heard once, however often it is shown.
  function showCalls(fragment) {
    const shown = document.getElementById('call-dock')
    if (!shown) return
    const heard = [...shown.querySelectorAll('.rings')].map(function (call) { return call.dataset.call })
    shown.replaceWith(fragment)
    htmx.process(fragment)
    document.dispatchEvent(new CustomEvent('everydesk:placed'))
    for (const call of fragment.querySelectorAll('.rings')) {
      if (!heard.includes(call.dataset.call)) call.dispatchEvent(new CustomEvent('everydesk:offer', { bubbles: true }))
    }
  }

  document.addEventListener('htmx:wsBeforeMessage', function (event) {
    event.preventDefault()
    const page = new DOMParser().parseFromString(event.detail.message, 'text/html')
    for (const fragment of [...page.body.children]) place(document.adoptNode(fragment))
  })

  // The board is refreshed every second at busy times; what somebody is about to press stays.
  function keepsFocus(target) {
    const focus = document.activeElement
    return target.matches('[data-calm]') && target.contains(focus) && focus.matches('button, a, select, input, summary')
  }

  /* The line */

  function sayOffline() {
    const bar = document.getElementById('offline')
    if (!bar) return
    bar.hidden = false
    bar.querySelector('[data-tries]').textContent = String(breaks)
    body.classList.add('off-line')
    document.querySelectorAll('#live-state').forEach(function (state) { state.hidden = true })
  }

  function sayBack() {
    const bar = document.getElementById('offline')
    const back = document.getElementById('back-online')
    clearTimeout(offlineTimer)
    document.querySelectorAll('#live-state').forEach(function (state) { state.hidden = false })
    body.classList.remove('off-line')
    if (!bar || bar.hidden) return
    bar.hidden = true
    back.hidden = false
    setTimeout(function () { back.hidden = true }, 4000)
  }

  // A socket may take long to notice that there is no network.
  window.addEventListener('offline', sayOffline)
  window.addEventListener('online', function () { if (socket) sayBack() })

  document.addEventListener('htmx:wsOpen', function (event) {
    socket = event.detail.socketWrapper
    desk.tellRows()
    desk.openThread()
    if (document.getElementById('board')) desk.send({ type: 'board', shown: true })
    if (breaks) {
      desk.refreshList(Math.random() * 400)
      document.dispatchEvent(new CustomEvent('everydesk:back'))
    }
    sayBack()
    breaks = 0
    caughtUp += 1
    body.dataset.live = String(caughtUp)
  })

  document.addEventListener('htmx:wsClose', function () {
    socket = null
    breaks += 1
    delete body.dataset.live
    clearTimeout(offlineTimer)
    offlineTimer = setTimeout(sayOffline, breaks > 1 ? 0 : 1500)
  })

  document.addEventListener('htmx:afterSettle', function (event) {
    if (event.detail.elt.id === 'list') desk.tellRows()
    if (event.detail.target && (event.detail.target.id === 'thread' || event.detail.elt.id === 'thread')) desk.openThread()
  })

  document.addEventListener('click', function (event) {
    const pill = event.target.closest('.pill')
    if (!pill) return
    desk.timeline().scrollTop = 0
    pill.hidden = true
    pill.dataset.count = '0'
  })

  // The lease of being here: a page that is open and looked at keeps its owner online.
  let lastTouch = Date.now()
  for (const kind of ['pointerdown', 'keydown', 'pointermove']) {
    document.addEventListener(kind, function () { lastTouch = Date.now() }, { passive: true })
  }
  setInterval(function () {
    desk.send({ type: 'here', active: Date.now() - lastTouch < 120000 })
  }, 25000)

  document.addEventListener('visibilitychange', function () {
    if (document.visibilityState !== 'visible') return
    const timeline = desk.timeline()
    if (timeline && timeline.dataset.conversation) {
      desk.send({ type: 'seen', conversation: Number(timeline.dataset.conversation), number: desk.lastNumber() })
    }
  })
})()
