/* The reply box: drafts, pickers, files. */
(function () {
  'use strict'

  const desk = (window.everydesk = window.everydesk || {})
  let lastTyping = 0

  function composer() { return document.getElementById('composer') }
  function editor() { return document.querySelector('#composer textarea') }
  function key(form) {
    return ['everydesk.draft', document.body.dataset.staff, form.dataset.conversation, form.dataset.mode].join('.')
  }

  /* Drafts survive a reload, a taken conversation and a lost line. */
  function remember(form) {
    const text = editor().value
    if (text) sessionStorage.setItem(key(form), text)
    else sessionStorage.removeItem(key(form))
  }

  function restore() {
    const form = composer()
    if (!form || !editor() || editor().value) return
    editor().value = sessionStorage.getItem(key(form)) || ''
  }

  desk.setMode = function (mode) {
    const form = composer()
    if (!form || !editor()) return
    const tab = form.querySelector('[data-mode="' + mode + '"][role="tab"]')
    const instead = form.querySelector('[data-instead="' + mode + '"]')
    if (!tab && instead) instead.click()
    if (!tab) return
    remember(form)
    form.dataset.mode = mode
    form.querySelector('[name="kind"]').value = mode
    form.querySelectorAll('[role="tab"]').forEach(function (each) {
      each.setAttribute('aria-selected', String(each === tab))
    })
    form.querySelectorAll('[data-for]').forEach(function (part) { part.hidden = part.dataset.for !== mode })
    if (desk.showLetter) desk.showLetter(form)
    editor().setAttribute('aria-label', tab.dataset.label)
    editor().placeholder = tab.dataset.placeholder
    editor().value = sessionStorage.getItem(key(form)) || ''
    tellParts()
    editor().focus()
  }

  desk.insert = function (text) {
    const field = editor()
    if (!field) return
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end')
    field.dispatchEvent(new Event('input', { bubbles: true }))
    field.focus()
  }

  /* Pickers: snippets by the bolt or "//", colleagues by "@" */

  let pickerFrom = -1

  function openPicker(kind, query) {
    const form = composer()
    const url = form.dataset[kind + 'Url']
    if (!url) return
    htmx.ajax('GET', url + '?q=' + encodeURIComponent(query || ''), { target: '#picker' })
    document.getElementById('picker').dataset.kind = kind
    document.getElementById('picker').hidden = false
  }

  function closePicker() {
    const picker = document.getElementById('picker')
    if (!picker || picker.hidden) return false
    picker.hidden = true
    picker.replaceChildren()
    pickerFrom = -1
    return true
  }
  desk.closePicker = closePicker

  function choose(option) {
    const field = editor()
    const kind = document.getElementById('picker').dataset.kind
    if (pickerFrom >= 0) field.setSelectionRange(pickerFrom, field.selectionStart)
    if (kind === 'colleagues') {
      desk.insert('@' + option.dataset.name + ' ')
      addMention(option.dataset.staff, option.dataset.name)
    } else {
      desk.insert(option.dataset.text)
    }
    closePicker()
  }

  function addMention(staff, name) {
    const form = composer()
    if (form.querySelector('input[name="mention"][value="' + CSS.escape(staff) + '"]')) return
    const input = document.createElement('input')
    input.type = 'hidden'
    input.name = 'mention'
    input.value = staff
    input.dataset.name = name
    form.append(input)
  }

  /* Begins a note to a colleague, who is called in by it. */
  function ask(staff, name) {
    desk.setPane('thread')
    desk.setMode('note')
    if (!editor().value.includes('@' + name)) desk.insert('@' + name + ' ')
    addMention(staff, name)
  }

  function movePicker(step) {
    const options = [...document.querySelectorAll('#picker .opt')]
    if (!options.length) return
    const at = options.findIndex(function (option) { return option.getAttribute('aria-selected') === 'true' })
    options.forEach(function (option) { option.setAttribute('aria-selected', 'false') })
    const next = options[(at + step + options.length) % options.length]
    next.setAttribute('aria-selected', 'true')
    next.scrollIntoView({ block: 'nearest' })
  }

  function watchForPicker(field) {
    const before = field.value.slice(0, field.selectionStart)
    const mention = before.match(/@([^\s@]{0,20})$/)
    const snippet = before.match(/\/\/([^\s/]{0,20})$/)
    const found = mention || snippet
    if (!found) {
      if (pickerFrom >= 0) closePicker()
      return
    }
    if (mention && composer().dataset.mode !== 'note') return
    pickerFrom = field.selectionStart - found[0].length
    openPicker(mention ? 'colleagues' : 'snippets', found[1])
  }

  /* Files */

  function files() { return document.querySelector('#composer input[type="file"]') }

  /* Says before sending why the platform would not take a file; nothing where it does, or for a note. */
  function fileRefusal(form) {
    if (form.dataset.mode !== 'reply' || !form.dataset.files) return ''
    const told = JSON.parse(form.dataset.files)
    for (const file of files().files) {
      const rules = [told.kinds[file.type.split('/')[0]], told.kinds.file].filter(function (rule) {
        // A type that the browser does not know is looked at by the server.
        return rule && (!rule.mimes.length || !file.type || rule.mimes.includes(file.type))
      })
      const most = Math.max(0, ...rules.map(function (rule) { return rule.most }))
      if (!rules.length) return told.unknown.replace('{name}', file.name)
      if (file.size > most) return told.large.replace('{name}', file.name).replace('{most}', told.sizes[most])
    }
    return ''
  }

  function tellFiles() {
    const place = document.getElementById('file-refusal')
    if (!place) return ''
    const reason = fileRefusal(composer())
    place.hidden = !reason
    place.textContent = reason
    return reason
  }

  function showFiles() {
    tellFiles()
    const box = document.getElementById('pending-files')
    box.replaceChildren()
    for (const file of files().files) {
      const chip = document.createElement('span')
      chip.className = 'chip'
      chip.textContent = file.name
      const drop = document.createElement('button')
      drop.type = 'button'
      drop.className = 'link'
      drop.textContent = '×'
      drop.setAttribute('aria-label', box.dataset.remove + ' ' + file.name)
      drop.addEventListener('click', function () { removeFile(file) })
      chip.append(drop)
      box.append(chip)
    }
  }

  function setFiles(list) {
    const transfer = new DataTransfer()
    list.forEach(function (file) { transfer.items.add(file) })
    files().files = transfer.files
    showFiles()
  }

  function removeFile(file) {
    setFiles([...files().files].filter(function (other) { return other !== file }))
  }

  function submit(form) {
    const field = editor()
    const text = field.value.trim()
    const chosen = files() ? [...files().files] : []
    if (tellFiles()) return
    if (!text && !chosen.length) {
      field.focus()
      return
    }
    form.querySelectorAll('input[name="mention"]').forEach(function (input) {
      if (!text.includes('@' + input.dataset.name)) input.remove()
    })
    const id = crypto.randomUUID ? crypto.randomUUID() : String(Date.now()) + String(Math.random()).slice(2)
    form.querySelector('[name="client_key"]').value = id
    desk.sendMessage({
      id: id,
      conversation: form.dataset.conversation,
      url: form.action,
      text: text,
      mode: form.dataset.mode,
      fields: [...new FormData(form)].filter(function (field) { return typeof field[1] === 'string' }),
      names: chosen.map(function (file) { return file.name }),
      files: chosen
    })
    field.value = ''
    setFiles([])
    if (desk.forgetLetter) desk.forgetLetter(form)
    form.querySelectorAll('input[name="mention"]').forEach(function (input) { input.remove() })
    remember(form)
  }

  /* Puts a message that was not sent back into the editor. */
  desk.editAgain = function (mode, text, fields) {
    desk.setMode(mode)
    if (desk.fillLetter) desk.fillLetter(composer(), fields || [])
    editor().value = [text, editor().value].filter(Boolean).join('\n')
    remember(composer())
  }

  /* Wiring: one listener per kind, so that replaced fragments need none of their own */

  document.addEventListener('submit', function (event) {
    if (event.target.id !== 'composer') return
    event.preventDefault()
    submit(event.target)
  })

  document.addEventListener('input', function (event) {
    if (event.target !== editor()) return
    remember(composer())
    tellParts()
    watchForPicker(event.target)
    if (Date.now() - lastTyping > 2500 && event.target.value) {
      lastTyping = Date.now()
      desk.send({ type: 'typing', conversation: Number(composer().dataset.conversation), kind: composer().dataset.mode })
    }
  })

  /* Says before sending in how many messages a long answer leaves, or by how much it is too long. */
  const sizes = {
    characters: function (text) { return [...text].length },
    bytes: function (text) { return new TextEncoder().encode(text).length },
    utf16: function (text) { return text.length }
  }

  function tellParts() {
    const form = composer()
    const chip = document.getElementById('parts')
    if (!form || !chip) return
    const size = form.dataset.mode === 'reply' ? sizes[form.dataset.unit](editor().value) : 0
    const most = Number(form.dataset.most)
    const parts = Math.ceil(size / most)
    chip.hidden = parts < 2
    chip.textContent = 'whole' in form.dataset
      ? chip.dataset.tooLong.replace('%s', String(size - most))
      : chip.dataset.text.replace('%s', String(parts))
  }

  /* What the customer writes opens the time for an answer anew. */
  document.addEventListener('everydesk:entry', function (event) {
    const form = composer()
    if (!form || event.target.dataset.direction !== 'in') return
    const clock = form.querySelector('[data-window]')
    if (clock) clock.dataset.until = new Date(Date.now() + 1000 * Number(clock.dataset.window)).toISOString()
    const closed = form.querySelector('[data-closed]')
    if (closed) htmx.trigger(closed, 'reopen')
  })

  /* Where a platform takes some messages only, each of ours uses one up. */
  document.addEventListener('everydesk:entry', function (event) {
    const chip = document.getElementById('quota')
    const direction = event.target.dataset.direction
    if (!chip || (direction !== 'in' && direction !== 'out')) return
    const left = direction === 'in' ? Number(chip.dataset.quota) : Math.max(0, Number(chip.dataset.left) - 1)
    chip.dataset.left = String(left)
    chip.textContent = chip.dataset.text.replace('%s', String(left))
    if (!left) htmx.trigger(chip, 'reopen')
  })

  document.addEventListener('change', function (event) {
    if (event.target === files()) showFiles()
  })

  /* What is typed for a place of a template stands in the text at once. */
  document.addEventListener('input', function (event) {
    const place = event.target.dataset.fills
    if (!place) return
    event.target.form.querySelectorAll('[data-place="' + CSS.escape(place) + '"]').forEach(function (part) {
      part.textContent = event.target.value.trim() || '{{' + place + '}}'
    })
  })

  document.addEventListener('paste', function (event) {
    if (event.target !== editor() || !event.clipboardData.files.length) return
    event.preventDefault()
    setFiles([...files().files, ...event.clipboardData.files])
  })

  document.addEventListener('click', function (event) {
    const tab = event.target.closest('#composer [role="tab"]')
    const option = event.target.closest('#picker .opt')
    const opener = event.target.closest('[data-picker]')
    const asked = event.target.closest('[data-ask]')
    if (asked) ask(asked.dataset.ask, asked.dataset.name)
    else if (tab) desk.setMode(tab.dataset.mode)
    else if (option) choose(option)
    else if (opener) togglePicker(opener.dataset.picker)
  })

  function togglePicker(kind) {
    if (closePicker()) return
    if (kind === 'files') files().click()
    else if (kind === 'colleagues') {
      desk.setMode('note')
      desk.insert('@')
    } else openPicker(kind, '')
  }
  desk.togglePicker = togglePicker

  document.addEventListener('keydown', function (event) {
    if (event.target !== editor()) return
    const picker = document.getElementById('picker')
    const open = picker && !picker.hidden
    if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault()
      movePicker(event.key === 'ArrowDown' ? 1 : -1)
    } else if (open && (event.key === 'Enter' || event.key === 'Tab') && !event.isComposing) {
      const chosen = picker.querySelector('[aria-selected="true"]') || picker.querySelector('.opt')
      if (chosen) {
        event.preventDefault()
        choose(chosen)
      }
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      submit(composer())
    }
  })

  for (const kind of ['htmx:afterSettle', 'everydesk:placed']) {
    document.addEventListener(kind, function () {
      restore()
      tellParts()
    })
  }
  restore()
  tellParts()
})()
