/* Puts an Everydesk contact form where its tag stands. The page decides its width, the form its height. */
(() => {
  'use strict'
  const tag = document.currentScript
  const channel = tag && tag.dataset.channel
  if (!channel) return
  const address = new URL(`forms/${encodeURIComponent(channel)}/`, tag.src)
  address.searchParams.set('embedded', '1')
  address.searchParams.set('language', tag.dataset.language || (/^zh/i.test(document.documentElement.lang) ? 'zh-hans' : document.documentElement.lang && 'en'))
  if (tag.dataset.theme) address.searchParams.set('theme', tag.dataset.theme)
  const frame = document.createElement('iframe')
  frame.src = address.href
  frame.title = tag.dataset.title || (address.searchParams.get('language') === 'en' ? 'Contact form' : '联系表单')
  frame.referrerPolicy = 'no-referrer'
  Object.assign(frame.style, {display: 'block', width: '100%', height: '640px', border: '0', colorScheme: 'normal'})
  addEventListener('message', ({source, origin, data}) => {
    if (source !== frame.contentWindow || origin !== address.origin || !data || data.everydesk !== 'form') return
    if (Number.isFinite(data.height)) frame.style.height = `${Math.min(Math.max(Math.ceil(data.height), 120), 20000)}px`
    if (!data.top) return
    frame.scrollIntoView({block: 'nearest'})
    // A frame that goes to its next page may lose the keyboard to the page around it.
    if ([frame, document.body].includes(document.activeElement)) frame.contentWindow.focus()
  })
  tag.after(frame)
})()
