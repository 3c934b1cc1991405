// What the tests in a real browser share: a suite of its own, the browser, and a person before it.
//
//   node SCRIPT.mjs PERENNIAL PROGRAMS SCREENSHOTS
//
// PERENNIAL is the command, PROGRAMS the directory of the shipped programs. CHROMIUM says where the browser is.
// Nothing is asked of the network but the loopback, and what went wrong is said with the last page's screenshot.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const [perennial, programs, screenshots] = process.argv.slice(2)
if (!perennial || !programs || !screenshots) throw new Error('usage: node SCRIPT.mjs PERENNIAL PROGRAMS SCREENSHOTS')

// The packages lie outside the checkout: NODE_PATH says where.
const require = createRequire(resolve(process.env.NODE_PATH ?? 'node_modules', 'any.js'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export const PHONE = { width: 390, height: 844 }
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
// How long anything may take to be seen, in milliseconds.
const PATIENCE = 300_000
// As long as a person needs at least to fill in a form: who is quicker is taken for a robot.
export const TYPING = 2_500

/** A suite of its own, whose days are short where a pace is given. */
export class Suite {
  static async start (programs, pace) {
    const suite = new Suite()
    suite.directory = mkdtempSync(join(tmpdir(), 'perennial-pages-'))
    suite.store = join(suite.directory, 'leads.db')
    const options = ['up', '--port', '0', '--store', suite.store, '--programs', programs]
    if (pace) options.push('--time-lapse', pace)
    suite.process = spawn(perennial, options, { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: suite.process.stdout })) {
      suite.url = line.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]
      if (suite.url) break
    }
    assert(suite.url, 'the suite did not start')
    suite.process.stdout.resume()
    return suite
  }

  async stop () {
    const ended = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGTERM')
    await ended
    rmSync(this.directory, { recursive: true })
  }

  async mails (to) {
    const all = await (await fetch(`${this.url}/mailbox/messages.json`)).json()
    return all.filter(mail => mail.to.includes(to))
  }

  /** The first mail to somebody with that subject, once it has come. */
  async mail (to, subject) {
    return until(`a mail "${subject}"`, async () => (await this.mails(to)).find(mail => mail.subject.includes(subject)))
  }

  /** What a command says of the store. */
  says (...command) {
    return execFileSync(perennial, [...command, '--store', this.store], { encoding: 'utf8' }).trim()
  }

  /** The same, as JSON. */
  ask (...command) {
    return JSON.parse(this.says(...command, '--json'))
  }

  async now () {
    return new Date((await (await fetch(`${this.url}/healthz`)).json()).now)
  }

  async passes (days) {
    const end = (await this.now()).getTime() + days * 86_400_000
    await until(`${days} days`, async () => (await this.now()).getTime() >= end)
  }
}

export async function until (what, look) {
  const end = Date.now() + PATIENCE
  for (;;) {
    const seen = await look()
    if (seen) return seen
    assert(Date.now() < end, `${what} did not come`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The links in a mail to one of our pages, in order. */
export function links (mail, page) {
  return mail.text.match(new RegExp(`http://127\\.0\\.0\\.1:\\d+/v1/${page}/[\\w.-]+`, 'g')) ?? []
}

/** A person with a phone, or whatever else their mode says. */
export class Person {
  constructor (context, mode) {
    Object.assign(this, { context, mode })
  }

  static async on (browser, mode) {
    const { javaScript: javaScriptEnabled, colorScheme, viewport = PHONE } = mode
    const context = await browser.newContext({ viewport, deviceScaleFactor: 2, javaScriptEnabled, colorScheme, locale: 'en-GB' })
    const person = new Person(context, mode)
    person.page = await context.newPage()
    const { page } = person
    // Whatever a page asks for besides itself would be from elsewhere.
    page.on('request', request => {
      const url = new URL(request.url())
      if (url.pathname.startsWith('/v1/')) assert(request.isNavigationRequest(), `a page loads ${url}`)
    })
    page.on('pageerror', error => { throw error })
    return person
  }

  async opens (url) {
    const answer = await this.page.goto(url)
    assert.equal(answer.status(), 200, url)
  }

  async sees (title) {
    assert.equal(await this.page.locator('h1').innerText(), title)
  }

  async presses (name) {
    const button = this.page.getByRole('button', { name, exact: true })
    const link = this.page.getByRole('link', { name, exact: true })
    await Promise.all([this.page.waitForEvent('domcontentloaded'), button.or(link).click()])
  }

  /** Keeps a picture of the page, and holds the page against what every page must be. */
  async looks (name) {
    const path = join(screenshots, `${name}-${this.mode.name}.png`)
    await this.page.screenshot({ path, fullPage: true })
    const [width, wanted] = await this.page.evaluate(() => [innerWidth, document.documentElement.scrollWidth])
    assert(wanted <= width, `${name} is ${wanted} wide where there are ${width}`)
    if (!this.mode.javaScript) return
    await this.page.evaluate(axe)
    const { violations } = await this.page.evaluate(() => globalThis.axe.run())
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(' ')}`), [], name)
  }
}

/** Lets each of some people go on their journeys, and keeps a picture of the last page where one fails. */
export async function inABrowser (act) {
  mkdirSync(screenshots, { recursive: true })
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  const suites = []
  let shown
  try {
    await act({
      async start (programs, pace) {
        const suite = await Suite.start(programs, pace)
        suites.push(suite)
        return suite
      },
      async person (mode) {
        const person = await Person.on(browser, mode)
        shown = person.page
        return person
      },
    })
    for (const suite of suites) assert.equal(suite.ask('audit').ok, true, 'no lead is lost')
  } catch (error) {
    await shown?.screenshot({ path: join(screenshots, 'failed.png'), fullPage: true }).catch(() => {})
    throw error
  } finally {
    await browser.close()
    for (const suite of suites) await suite.stop()
  }
}
