/* Keys, panes, dialogs, toasts, clocks and notices of the staff screens. */
(function () {
  'use strict'

  const body = document.body
  const desk = (window.everydesk = window.everydesk || {})

  /* Panes on narrow screens */

  desk.setPane = function (pane) {
    body.dataset.pane = pane
  }

  document.addEventListener('click', function (event) {
    const pane = event.target.closest('[data-go-pane]')
    if (pane) {
      event.preventDefault()
      desk.setPane(pane.dataset.goPane)
    } else if ((body.dataset.pane === 'context' || body.dataset.pane === 'views') && !event.target.closest('.context, .views, dialog, .offer')) {
      desk.setPane(document.querySelector('#thread[data-conversation]') ? 'thread' : 'list')
    }
    document.querySelectorAll('.actions-menu[open]').forEach(function (menu) {
      if (!menu.querySelector('summary').contains(event.target)) menu.open = false
    })
  })

  /* A conversation that was chosen: until it is there, nobody writes to the one before it */

  let chosen = null

  function thread() { return document.getElementById('thread') }

  function mark(row) {
    document.querySelectorAll('.conv[aria-current]').forEach(function (other) { other.removeAttribute('aria-current') })
    if (row) row.setAttribute('aria-current', 'true')
  }

  function wait(isWaiting) {
    thread().inert = isWaiting
    thread().setAttribute('aria-busy', String(isWaiting))
  }

  function choose(row) {
    const before = chosen ? chosen.before : document.querySelector('.conv[aria-current]')
    if (chosen) htmx.trigger(chosen.row, 'htmx:abort')
    chosen = { row: row, before: before, mode: '' }
    mark(row)
    wait(true)
    desk.setPane('thread')
  }

  function arrive() {
    const mode = chosen.mode
    const row = document.getElementById(chosen.row.id) || chosen.row
    const unread = row.querySelector('.unread')
    row.classList.add('read')
    if (unread) unread.textContent = ''
    chosen = null
    plainTitle = thread().dataset.title ? thread().dataset.title + ' · Everydesk' : plainTitle
    showTitle()
    if (mode) desk.setMode(mode)
  }

  function stay() {
    mark(chosen.before)
    chosen = null
    wait(false)
    desk.setPane(thread().dataset.conversation ? 'thread' : 'list')
  }

  /* Tells whether a conversation is on its way, and opens its reply box in this mode when it is there. */
  desk.isOnItsWay = function (mode) {
    if (chosen && mode) chosen.mode = mode
    return Boolean(chosen)
  }

  document.addEventListener('htmx:beforeRequest', function (event) {
    if (event.detail.elt.matches('.conv')) choose(event.detail.elt)
  })
  document.addEventListener('htmx:afterSwap', function (event) {
    if (chosen && event.detail.requestConfig && event.detail.requestConfig.elt === chosen.row) arrive()
  })
  for (const failure of ['htmx:sendError', 'htmx:timeout', 'htmx:responseError']) {
    document.addEventListener(failure, function (event) {
      if (chosen && event.detail.elt === chosen.row) stay()
    })
  }

  /* Dialogs: one element, filled by address; Esc gives the focus back */

  let opener = null

  document.addEventListener('htmx:beforeRequest', function (event) {
    const target = event.detail.target
    if (target && target.id === 'dialog' && !target.open) opener = document.activeElement
  })

  document.addEventListener('htmx:afterSwap', function (event) {
    const dialog = document.getElementById('dialog')
    if (event.detail.target !== dialog) return
    if (!dialog.childElementCount) dialog.close()
    else if (!dialog.open) dialog.showModal()
  })

  function closeDialog() {
    const dialog = document.getElementById('dialog')
    if (!dialog || !dialog.open) return false
    dialog.close()
    return true
  }

  document.addEventListener('close', function (event) {
    if (event.target.id !== 'dialog') return
    event.target.replaceChildren()
    if (opener && opener.isConnected) opener.focus()
  }, true)

  document.addEventListener('click', function (event) {
    if (event.target.closest('[data-close-dialog]')) {
      event.preventDefault()
      closeDialog()
    }
    if (event.target.id === 'dialog') closeDialog()
  })

  // An answer to the dialog's own form that goes elsewhere means that it was accepted; what others on the
  // page fetch meanwhile leaves it open. The form is asked and not the target: what changed live may have
  // taken the target's place before the answer came.
  document.addEventListener('htmx:beforeOnLoad', function (event) {
    const detail = event.detail
    const target = detail.xhr.getResponseHeader('HX-Retarget') || '#' + detail.target.id
    if (detail.xhr.status < 400 && target !== '#dialog' && detail.elt.closest('#dialog')) closeDialog()
  })

  document.addEventListener('htmx:beforeSwap', function (event) {
    const status = event.detail.xhr.status
    if (status >= 400 && event.detail.xhr.getResponseHeader('Content-Type') && event.detail.xhr.getResponseHeader('Content-Type').startsWith('text/html')) {
      event.detail.shouldSwap = event.detail.xhr.getResponseHeader('HX-Retarget') !== null
      event.detail.isError = false
    }
  })

  // A menu that is open stays so while what it belongs to changes live.
  document.addEventListener('htmx:oobBeforeSwap', function (event) {
    const {target, fragment} = event.detail
    for (const menu of target.querySelectorAll('details.actions-menu[open]')) {
      const next = fragment.querySelector(`#${menu.parentElement.id} > details.actions-menu`)
      if (next) next.open = true
    }
  })

  // Whoever asked has left the page since: the notice is for the reader all the same.
  document.addEventListener('htmx:oobErrorNoTarget', function (event) {
    const part = event.detail.content
    if (part.id === 'toasts') document.getElementById('toasts').append(...part.children)
  })

  for (const failure of ['htmx:sendError', 'htmx:timeout']) {
    document.addEventListener(failure, function () {
      const shape = document.getElementById('send-error')
      if (shape) document.getElementById('toasts').append(shape.content.cloneNode(true))
    })
  }

  document.addEventListener('keydown', function (event) {
    const form = event.target.closest('#dialog form')
    if (!form || event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    form.requestSubmit(form.querySelector('.btn-main'))
  })

  /* Filtering long choices inside a dialog */

  document.addEventListener('input', function (event) {
    const filter = event.target.closest('[data-filter]')
    if (!filter) return
    const wanted = filter.value.trim().toLowerCase()
    document.querySelectorAll(filter.dataset.filter + ' > *').forEach(function (choice) {
      choice.hidden = Boolean(wanted) && !choice.textContent.toLowerCase().includes(wanted)
    })
  })

  document.addEventListener('change', function (event) {
    const auto = event.target.closest('[data-submit-on-change]')
    if (auto) auto.form.requestSubmit()
  })

  /* Clocks: waiting time grows, deadlines shrink */

  function spell(seconds) {
    const total = Math.max(0, Math.floor(seconds))
    const hours = Math.floor(total / 3600)
    const minutes = Math.floor((total % 3600) / 60)
    const rest = String(total % 60).padStart(2, '0')
    if (hours >= 24) return Math.floor(hours / 24) + body.dataset.dayUnit
    return hours ? hours + ':' + String(minutes).padStart(2, '0') + ':' + rest : String(minutes).padStart(2, '0') + ':' + rest
  }

  function tone(clock, seconds) {
    if (!clock.dataset.warn) return
    const late = clock.dataset.until ? seconds <= Number(clock.dataset.danger) : seconds >= Number(clock.dataset.danger)
    const soon = clock.dataset.until ? seconds <= Number(clock.dataset.warn) : seconds >= Number(clock.dataset.warn)
    const holder = clock.closest('.sla')
    if (!holder) return
    holder.classList.toggle('danger', late)
    holder.classList.toggle('warn', soon && !late)
    holder.classList.toggle('ok', !soon && !late)
  }

  function tick() {
    const now = Date.now()
    document.querySelectorAll('[data-since], [data-until]').forEach(function (clock) {
      const edge = Date.parse(clock.dataset.since || clock.dataset.until)
      const seconds = clock.dataset.since ? (now - edge) / 1000 : (edge - now) / 1000
      const text = spell(seconds)
      if (clock.textContent !== text) clock.textContent = text
      tone(clock, seconds)
      if (clock.dataset.until && seconds <= 0 && clock.dataset.then === 'remove') {
        const gone = clock.closest('[data-expires]')
        if (gone) gone.remove()
      }
    })
    document.querySelectorAll('[data-ring]').forEach(turnRing)
  }

  function turnRing(ring) {
    const whole = Number(ring.dataset.seconds)
    const left = Math.max(0, (Date.parse(ring.dataset.ring) - Date.now()) / 1000)
    const arc = ring.querySelector('[stroke-dasharray]')
    const shown = Math.ceil(left)
    if (arc) arc.setAttribute('stroke-dashoffset', String(119.4 * (1 - left / whole)))
    const figure = ring.querySelector('b')
    if (figure) figure.textContent = String(shown)
    if (shown === 30 || shown === 10) ring.setAttribute('aria-label', ring.dataset.label.replace('%s', String(shown)))
  }

  setInterval(tick, 1000)
  document.addEventListener('htmx:load', tick)

  document.addEventListener('htmx:afterRequest', function (event) {
    const toast = event.detail.elt.closest && event.detail.elt.closest('.toast')
    if (toast) toast.remove()
  })

  // Toasts without a clock of their own leave after six seconds.
  new MutationObserver(function (changes) {
    changes.forEach(function (change) {
      change.addedNodes.forEach(function (toast) {
        if (!toast.matches || !toast.matches('.toast')) return
        htmx.process(toast)
        tick()
        if (!toast.querySelector('[data-until]')) setTimeout(function () { toast.remove() }, 6000)
      })
    })
  }).observe(document.getElementById('toasts') || body, { childList: true })

  /* Title badge, sound and desktop notice */

  let plainTitle = document.title
  let missed = 0

  function showTitle() {
    document.title = missed ? '(' + missed + ') ' + plainTitle : plainTitle
    const badge = document.getElementById('rail-unread')
    if (badge) {
      badge.textContent = missed ? String(missed) : ''
      badge.hidden = !missed
    }
  }

  let rang = 0

  // Browsers give no sound to a page that nobody has touched; many at once are one.
  function ring() {
    if (body.dataset.sound !== 'on' || !window.AudioContext) return
    if (Date.now() - rang < 1000 || (navigator.userActivation && !navigator.userActivation.hasBeenActive)) return
    rang = Date.now()
    const context = new AudioContext()
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.setValueAtTime(740, context.currentTime)
    tone.frequency.setValueAtTime(988, context.currentTime + 0.09)
    volume.gain.setValueAtTime(0.05, context.currentTime)
    volume.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + 0.35)
    tone.connect(volume).connect(context.destination)
    tone.start()
    tone.stop(context.currentTime + 0.36)
    tone.onended = function () { context.close() }
  }

  function notify(title, text, url) {
    if (document.visibilityState === 'visible') return
    missed += 1
    showTitle()
    if (body.dataset.notices !== 'on' || !window.Notification || Notification.permission !== 'granted') return
    const notice = new Notification(title, { body: text, tag: url || 'everydesk' })
    notice.onclick = function () {
      window.focus()
      if (url) location.href = url
      notice.close()
    }
  }

  document.addEventListener('everydesk:unread', function (event) {
    const row = event.target
    ring()
    notify(row.querySelector('.conv-name').textContent.trim(), row.querySelector('.conv-text').textContent.trim(), row.href)
  })

  document.addEventListener('everydesk:offer', function (event) {
    ring()
    const title = event.target.querySelector('h2')
    notify(title ? title.textContent.trim() : document.title, '', '')
    const accept = event.target.querySelector('[data-key="a"]')
    const calm = document.activeElement === body || document.activeElement === null
    if (accept && calm) event.target.setAttribute('tabindex', '-1')
  })

  document.addEventListener('visibilitychange', function () {
    if (document.visibilityState !== 'visible') return
    missed = 0
    showTitle()
  })

  document.addEventListener('click', function (event) {
    const ask = event.target.closest('[data-ask-notices]')
    if (ask && window.Notification) Notification.requestPermission()
    const copy = event.target.closest('[data-copy]')
    if (copy) {
      navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent)
      copy.textContent = copy.dataset.done
    }
    const reveal = event.target.closest('[data-reveal]')
    if (reveal) {
      const field = document.getElementById(reveal.dataset.reveal)
      field.type = field.type === 'password' ? 'text' : 'password'
      reveal.setAttribute('aria-pressed', String(field.type === 'text'))
    }
  })
})()
