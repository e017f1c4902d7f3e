"""Answers that arrive late, on purpose."""

# Keeps from a page what is answered to its posts.
HOLD_ANSWERS = """() => {
  const answers = [], {open} = XMLHttpRequest.prototype
  const onload = Object.getOwnPropertyDescriptor(XMLHttpRequestEventTarget.prototype, 'onload')
  XMLHttpRequest.prototype.open = function (method, ...rest) {
    this.isPost = method === 'POST'
    return open.call(this, method, ...rest)
  }
  Object.defineProperty(XMLHttpRequest.prototype, 'onload', {configurable: true, set(act) {
    const hear = event => this.isPost ? answers.push(() => act.call(this, event)) : act.call(this, event)
    onload.set.call(this, hear)
  }})
  window.releaseAnswers = () => {
    XMLHttpRequest.prototype.open = open
    delete XMLHttpRequest.prototype.onload
    answers.forEach(answer => answer())
  }
}"""
