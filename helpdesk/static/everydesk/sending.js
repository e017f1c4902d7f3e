/* Sending: what is written shows its state from the first moment, and is kept until the server has it. */
(function () {
  'use strict'

  const body = document.body
  const desk = (window.everydesk = window.everydesk || {})
  if (!body.dataset.staff) return
  // What this person wrote in this tab and the server does not have yet, in the order of writing. Files
  // do not outlive the page, texts do.
  const store = 'everydesk.unsent.' + body.dataset.staff
  const jobs = new Map()
  const lines = new Map()
  const underway = new Set()
  const patience = 60000

  function keep() {
    const kept = [...jobs.values()].map(function (job) { return { ...job, files: [] } })
    try {
      if (kept.length) sessionStorage.setItem(store, JSON.stringify(kept))
      else sessionStorage.removeItem(store)
    } catch (full) {
      // Kept for this page only.
    }
  }

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(store) || '[]')
    } catch (unreadable) {
      return []
    }
  }

  function load() {
    for (const job of stored()) {
      if (job.names.length) fail(job, body.dataset.filesLost)
      else if (job.isOut) job.state = 'queued'
      jobs.set(job.id, job)
    }
  }

  function fail(job, cause) {
    job.state = 'failed'
    job.cause = cause
  }

  /* On screen: an item of its own at the end of the thread it belongs to */

  function itemOf(job) {
    return document.querySelector('#timeline li.is-pending[data-client="' + CSS.escape(job.id) + '"]')
  }

  function isShown(job) {
    const timeline = desk.timeline()
    return Boolean(timeline) && timeline.dataset.conversation === job.conversation
  }

  function show(job) {
    const shape = document.getElementById('pending-' + job.mode)
    if (!isShown(job) || !shape) return
    let item = itemOf(job)
    if (!item) {
      item = shape.content.firstElementChild.cloneNode(true)
      item.dataset.client = job.id
      item.querySelector('.bubble > p').textContent = [job.text].concat(job.names).filter(Boolean).join('\n')
      document.querySelector('#timeline ol').append(item)
    }
    item.querySelectorAll('[data-state]').forEach(function (part) { part.hidden = part.dataset.state !== job.state })
    item.classList.toggle('fail', job.state === 'failed')
    item.querySelector('[data-cause]').textContent = job.cause || ''
  }

  function showAll() {
    jobs.forEach(show)
  }

  /* To the server: of one conversation one after the other, so that the order stays */

  function first(conversation) {
    return [...jobs.values()].find(function (job) { return job.conversation === conversation && job.state === 'queued' })
  }

  function dataOf(job) {
    const data = new FormData()
    job.fields.forEach(function (field) { data.append(field[0], field[1]) })
    job.files.forEach(function (file) { data.append('files', file) })
    const token = document.querySelector('[name="csrfmiddlewaretoken"]')
    if (token) data.set('csrfmiddlewaretoken', token.value)
    return data
  }

  function readAnswer(job, html) {
    const page = new DOMParser().parseFromString(html, 'text/html')
    page.querySelectorAll('.toast').forEach(function (toast) {
      document.getElementById('toasts').append(document.adoptNode(toast))
    })
    if (!isShown(job)) return
    const item = itemOf(job)
    if (item) item.remove()
    page.querySelectorAll('li[data-number]').forEach(function (entry) { desk.placeEntry(document.adoptNode(entry)) })
    const head = page.getElementById('thread-head')
    const shown = document.getElementById('thread-head')
    if (head && shown && head.dataset.conversation === shown.dataset.conversation) {
      shown.replaceWith(document.adoptNode(head))
      htmx.process(document.getElementById('thread-head'))
    }
  }

  function refused(job, status, html) {
    const page = new DOMParser().parseFromString(html, 'text/html')
    const words = page.querySelector('[data-error]')
    job.isOut = !words && (status === 401 || status === 403)
    fail(job, words ? words.textContent.trim() : job.isOut ? body.dataset.signedOut : body.dataset.notSent)
    show(job)
    if (isShown(job)) return
    const shape = document.getElementById('send-error')
    if (shape) document.getElementById('toasts').append(shape.content.cloneNode(true))
  }

  async function post(job) {
    if (jobs.get(job.id) !== job || first(job.conversation) !== job) return
    let answer
    let html
    try {
      answer = await fetch(job.url, {
        method: 'POST', body: dataOf(job), headers: { 'HX-Request': 'true' }, signal: AbortSignal.timeout(patience)
      })
      html = await answer.text()
    } catch (error) {
      return
    }
    if (answer.status === 502 || answer.status === 503) return
    if (answer.ok) jobs.delete(job.id)
    else refused(job, answer.status, html)
    keep()
    if (answer.ok) readAnswer(job, html)
  }

  function put(job) {
    if (underway.has(job.id)) return
    underway.add(job.id)
    const before = lines.get(job.conversation) || Promise.resolve()
    const sent = before.then(function () { return post(job) })
    // What goes wrong with one keeps back none of those behind it.
    lines.set(job.conversation, sent.catch(reportError).finally(function () { underway.delete(job.id) }))
  }

  function again() {
    jobs.forEach(function (job) { if (job.state === 'queued') put(job) })
  }

  /* Takes a message over; it belongs to this tab until the server has it. */
  desk.sendMessage = function (job) {
    job.state = 'queued'
    jobs.set(job.id, job)
    keep()
    show(job)
    desk.timeline().scrollTop = 0
    again()
  }

  document.addEventListener('click', function (event) {
    const retry = event.target.closest('[data-retry]')
    const job = retry && jobs.get(retry.closest('li').dataset.client)
    if (!job) return
    if (retry.dataset.retry === 'edit') {
      jobs.delete(job.id)
      retry.closest('li').remove()
      desk.editAgain(job.mode, job.text, job.fields)
    } else {
      job.state = 'queued'
      show(job)
      again()
    }
    keep()
  })

  document.addEventListener('everydesk:back', again)
  window.addEventListener('online', again)
  // The line may have held while the server could not take it.
  setInterval(again, 5000)
  document.addEventListener('htmx:afterSettle', showAll)
  document.addEventListener('everydesk:placed', showAll)

  load()
  showAll()
  again()
})()
