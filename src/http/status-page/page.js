// The status page, alive: asks `/health` of its own origin every second while somebody can see it, and writes what
// view.js says into the document. It touches only what changed, so that neither a selection nor a screen reader loses
// its place. Text is set as text; no markup is ever made of what was received.
// @ts-check
/* global headlineOf, toneOf, lengthOf, unitsOf, whenOf, instantOf, versionName, lastRefreshOf, nextPollOf, sinkSays, waitedOf, otherwiseOf, troubleOf, lanesOf, spanOf, placeOf, changesBetween */
'use strict';

(() => {
  const pauseMs = 1000;
  const timeoutMs = 4000;
  const pollsKept = 600;
  const changesKept = 30;

  /** @type {Advice} */
  const advice = JSON.parse(byId('advice').textContent ?? '{}');

  /** The last answer. @type {Health | null} */
  let health = null;
  /** The agent's clock is so much ahead of ours, milliseconds. */
  let ahead = 0;
  /** The first failed question since the last answer, on our clock. @type {number | null} */
  let silentSince = null;
  /** When it last answered, on our clock. @type {number | null} */
  let answeredAt = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isAsking = false;
  /** What was seen of the polls of a token: instant → outcome. @type {Map<string, Map<number, boolean>>} */
  const polls = new Map();
  /** When the versions of a token were made: version → instant, in Vault's time. @type {Map<string, Map<number | null, number>>} */
  const created = new Map();

  async function ask() {
    if (isAsking || document.hidden) return;
    clearTimeout(timer);
    isAsking = true;
    try {
      const sentAt = Date.now();
      const response = await fetch('health', {
        cache: 'no-store',
        headers: { accept: 'application/json' },
        signal: AbortSignal.timeout(timeoutMs),
      });
      /** @type {Health} */
      const answer = await response.json();
      if (typeof answer.tokens !== 'object') throw new Error('not an answer of an agent');
      took(answer, response.headers.get('date'), (sentAt + Date.now()) / 2);
    } catch {
      // why, a page is not told; the agent's own log and `keytender status` say it
      if (silentSince === null) {
        silentSince = Date.now();
        tell({ tone: 'ill', text: 'The agent does not answer' });
      }
    }
    isAsking = false;
    show();
    timer = setTimeout(ask, pauseMs);
  }

  /** @param {Health} answer @param {string | null} date @param {number} at */
  function took(answer, date, at) {
    // the header has whole seconds; below two of them the clocks agree
    const difference = (instantOf(date) ?? at) + 500 - at;
    ahead = Math.abs(difference) < 2000 ? 0 : difference;
    const before = health;
    health = answer;
    if (silentSince !== null) tell({ tone: 'well', text: 'The agent answers again' });
    silentSince = null;
    answeredAt = Date.now();
    if (before !== null) {
      // another version of the agent has another page
      if (before.version !== answer.version) location.reload();
      for (const change of changesBetween(before, answer, vaultNow(answer))) tell(change);
    }
    for (const [name, token] of Object.entries(answer.tokens)) remember(name, token);
  }

  /** @param {string} name @param {Token} token */
  function remember(name, token) {
    const seen = polls.get(name) ?? new Map();
    polls.set(name, seen);
    const success = instantOf(token.last_success_at);
    const attempt = instantOf(token.last_attempt_at);
    if (success !== null) seen.set(success, true);
    if (attempt !== null && token.last_refresh_ok !== null) {
      seen.set(attempt, token.last_refresh_ok || attempt === success);
    }
    const made = created.get(name) ?? new Map();
    created.set(name, made);
    const madeAt = instantOf(token.created_at);
    if (madeAt !== null) made.set(token.version, madeAt);
    const shown = [token.version, ...token.superseded.map(({ version }) => version)];
    for (const version of made.keys()) if (!shown.includes(version)) made.delete(version);
    while (seen.size > pollsKept) seen.delete(seen.keys().next().value ?? 0);
  }

  function agentNow() {
    return (silentSince ?? Date.now()) + ahead;
  }

  /** Versions have their times from Vault. @param {Health} of */
  function vaultNow({ vault }) {
    return agentNow() + (vault?.clock_offset_seconds ?? 0) * 1000;
  }

  function show() {
    const isSilent = silentSince !== null;
    document.body.classList.toggle('silent', isSilent);
    byId('silence').hidden = !isSilent;
    if (silentSince !== null) {
      const at = answeredAt ?? silentSince;
      text(byId('silent-since'), `${clockTime(at)} (${whenOf(at, Date.now())})`);
    }
    const said = isSilent
      ? /** @type {Sentence} */ ({ tone: 'ill', text: 'The agent does not answer' })
      : health === null
        ? null
        : headlineOf(health);
    if (said !== null) {
      text(byId('headline'), said.text);
      tone(byId('headline'), said.tone);
      icon(said.tone);
    }
    if (health === null) return;
    title(health, isSilent);
    text(byId('agent'), health.agent_id);
    const otherwise = otherwiseOf(health, advice);
    byId('otherwise').hidden = otherwise === '';
    text(byId('otherwise'), otherwise);
    showTokens(health);
    showVault(health);
    showSinks(health);
    text(byId('version'), `keytender ${health.version}`);
    text(byId('uptime'), `up ${lengthOf(health.uptime_seconds)}`);
  }

  /** @param {Health} of @param {boolean} isSilent */
  function title({ agent_id, status }, isSilent) {
    const wanted = `${isSilent ? 'no answer' : status} · ${agent_id} · keytender`;
    if (document.title !== wanted) document.title = wanted;
  }

  /** @param {Health} of */
  function showTokens(of) {
    const names = Object.keys(of.tokens);
    const sections = keyed(byId('tokens'), names, (name) => {
      const made = fromTemplate('token');
      const heading = part(made, 'name');
      heading.id = `token-${name}`;
      text(heading, name);
      made.setAttribute('aria-labelledby', heading.id);
      return made;
    });
    for (const [name, section] of sections) {
      const token = of.tokens[name];
      if (token !== undefined) showToken(section, name, token, of);
    }
  }

  /** @param {HTMLElement} section @param {string} name @param {Token} token @param {Health} of */
  function showToken(section, name, token, of) {
    const now = agentNow();
    tone(section, toneOf(token));
    text(part(section, 'state'), token.state);
    showAge(section, token);
    text(part(section, 'last'), lastRefreshOf(token, now));
    tone(part(section, 'last'), token.last_refresh_ok === false ? toneOf(token) : 'plain');
    text(part(section, 'next'), nextPollOf(token, now));
    part(section, 'waited').style.width = `${100 * waitedOf(token, now)}%`;
    const created = instantOf(token.created_at);
    text(part(section, 'created'), created === null ? 'not known' : dateTime(created));
    showTrouble(section, token, now);
    showTimeline(section, name, token, now, vaultNow(of));
  }

  /** @param {HTMLElement} section @param {Token} token */
  function showAge(section, token) {
    const units = token.age_seconds === null ? [] : unitsOf(token.age_seconds);
    const isNone = units.length === 0;
    const shown = isNone ? [['–', '']] : units;
    const age = part(section, 'age');
    const flat = shown.flat().join('|');
    if (age.dataset['shown'] !== flat) {
      age.dataset['shown'] = flat;
      age.replaceChildren(
        ...shown.flatMap(([count, unit]) => [
          element('b', String(count)),
          element('i', String(unit)),
        ]),
      );
    }
    text(part(section, 'of'), isNone ? 'no token' : `age of ${versionName(token.version)}`);
  }

  /** @param {HTMLElement} section @param {Token} token @param {number} now */
  function showTrouble(section, token, now) {
    const trouble = troubleOf(token, now, advice);
    const box = part(section, 'trouble');
    box.hidden = trouble === null;
    if (trouble === null) return;
    text(part(box, 'class'), trouble.name);
    text(part(box, 'since'), trouble.since);
    text(part(box, 'what'), trouble.what);
    text(part(box, 'fix'), trouble.fix);
    part(box, 'fix-line').hidden = trouble.fix === '';
    text(part(box, 'meanwhile'), trouble.meanwhile);
  }

  /** @param {HTMLElement} section @param {string} name @param {Token} token @param {number} now @param {number} inVault */
  function showTimeline(section, name, token, now, inVault) {
    const span = spanOf(token, now);
    const lanes = new Map(
      lanesOf(token, inVault, created.get(name) ?? new Map()).map((lane) => [lane.key, lane]),
    );
    const rows = keyed(part(section, 'lanes'), [...lanes.keys()], () => fromTemplate('lane'));
    for (const [key, row] of rows) {
      const lane = lanes.get(key);
      if (lane === undefined) continue;
      text(part(row, 'name'), lane.name);
      text(part(row, 'says'), lane.says);
      row.dataset['kind'] = key.charAt(0);
      const track = part(row, 'track');
      const bars = keyed(
        track,
        lane.stays.map((_, at) => String(at)),
        () => element('span', ''),
      );
      for (const [at, bar] of bars) {
        const stay = lane.stays[Number(at)];
        if (stay !== undefined) showStay(bar, stay, inVault, span);
      }
    }
    showPolls(section, name, token, now, span);
    text(part(section, 'past'), `${lengthOf(span / 1000)} ago`);
    text(part(section, 'future'), `in ${lengthOf(span / 1000)}`);
  }

  /** @param {HTMLElement} bar @param {Stay} stay @param {number} now @param {number} span */
  function showStay(bar, { from, until, kind }, now, span) {
    const left = from === null ? 0 : placeOf(from, now, span);
    const right = until === null ? 100 : placeOf(until, now, span);
    bar.className = `stay ${kind}${until === null ? ' open' : ''}${left === 0 ? ' entered' : ''}`;
    bar.style.left = `${left}%`;
    bar.style.width = `${Math.max(0, right - left)}%`;
  }

  /** @param {HTMLElement} section @param {string} name @param {Token} token @param {number} now @param {number} span */
  function showPolls(section, name, token, now, span) {
    const seen = [...(polls.get(name) ?? [])].filter(([at]) => at > now - span && at <= now);
    const next = instantOf(token.next_attempt_at);
    /** @type {Map<string, readonly [number, string]>} */
    const dots = new Map(seen.map(([at, isOk]) => [String(at), [at, isOk ? 'ok' : 'failed']]));
    if (next !== null) dots.set('next', [Math.max(next, now), 'next']);
    const track = part(section, 'polls');
    for (const [key, dot] of keyed(track, [...dots.keys()], () => element('span', ''))) {
      const [at, kind] = dots.get(key) ?? [now, 'ok'];
      dot.className = `poll ${kind}`;
      dot.style.left = `${placeOf(at, now, span)}%`;
    }
    part(section, 'polls-lane').hidden = dots.size === 0;
    const failed = seen.filter(([, isOk]) => !isOk).length;
    text(
      part(section, 'polls-say'),
      `${seen.length - failed} ok${failed > 0 ? `, ${failed} failed` : ''}`,
    );
  }

  /** @param {Health} of */
  function showVault({ vault }) {
    byId('vault').hidden = vault === null;
    if (vault === null) return;
    const ends = instantOf(vault.login_expires_at);
    const facts = [
      vault.authenticated ? 'logged in' : 'not logged in',
      ...(ends === null ? [] : [`login ends ${whenOf(ends, agentNow())}`]),
      ...(vault.clock_offset_seconds === 0
        ? []
        : [`its clock differs by ${vault.clock_offset_seconds} s`]),
    ];
    text(byId('vault-says'), facts.join(', '));
    tone(byId('vault-says'), vault.authenticated ? 'plain' : 'ill');
    text(byId('vault-address'), vault.address ?? '');
  }

  /** @param {Health} of */
  function showSinks({ sinks = {} }) {
    const names = Object.keys(sinks);
    byId('sinks').hidden = names.length === 0;
    for (const [name, row] of keyed(byId('sink-list'), names, () => fromTemplate('sink'))) {
      const sink = sinks[name];
      if (sink === undefined) continue;
      text(part(row, 'name'), name);
      text(part(row, 'says'), sinkSays(sink, agentNow(), advice));
      tone(row, sink.ok ? 'plain' : 'ill');
    }
  }

  /** Newest first; the list is a live region, so this is also what is read out. @param {Sentence} sentence */
  function tell(sentence) {
    const item = fromTemplate('change');
    text(part(item, 'time'), clockTime(Date.now()));
    text(part(item, 'says'), sentence.text);
    tone(item, sentence.tone);
    const list = byId('changes');
    list.prepend(item);
    while (list.children.length > changesKept) list.lastElementChild?.remove();
    byId('no-changes').hidden = true;
  }

  /** A new version in the dev Vault: only the page of `keytender dev` has the button. @param {HTMLButtonElement} button */
  async function rotate(button) {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    try {
      const response = await fetch('dev/rotate', {
        method: 'POST',
        signal: AbortSignal.timeout(10000),
      });
      const answer = await response.json();
      if (response.ok) {
        for (const [name, version] of Object.entries(answer.written)) {
          tell({
            tone: 'plain',
            text: `${Object.keys(answer.written).length > 1 ? `${name}: v` : 'V'}ersion ${version} is in Vault; the next poll finds it`,
          });
        }
      } else {
        tell({
          tone: 'ill',
          text: `Nothing was written: ${answer.reason ?? answer.detail ?? response.status}`,
        });
      }
    } catch {
      tell({ tone: 'ill', text: 'Nothing was written: no answer' });
    }
    button.removeAttribute('aria-disabled');
    void ask();
  }

  // -- the document

  /** @param {string} id @returns {HTMLElement} */
  function byId(id) {
    const found = document.getElementById(id);
    if (found === null) throw new Error(`no #${id}`);
    return found;
  }

  /** @param {ParentNode} within @param {string} name @returns {HTMLElement} */
  function part(within, name) {
    const found = within.querySelector(`[data-part="${name}"]`);
    if (!(found instanceof HTMLElement)) throw new Error(`no part ${name}`);
    return found;
  }

  /** @param {string} name @returns {HTMLElement} */
  function fromTemplate(name) {
    const template = byId(`template-${name}`);
    if (!(template instanceof HTMLTemplateElement)) throw new Error(`no template ${name}`);
    const made = template.content.firstElementChild?.cloneNode(true);
    if (!(made instanceof HTMLElement)) throw new Error(`empty template ${name}`);
    return made;
  }

  /** @param {string} name @param {string} content */
  function element(name, content) {
    const made = document.createElement(name);
    made.textContent = content;
    return made;
  }

  /** @param {HTMLElement} of @param {string} wanted */
  function text(of, wanted) {
    if (of.textContent !== wanted) of.textContent = wanted;
  }

  /** @param {HTMLElement} of @param {Tone} wanted */
  function tone(of, wanted) {
    if (of.dataset['tone'] !== wanted) of.dataset['tone'] = wanted;
  }

  /**
   * Children of `list`, one for each key, in their order; those that stay are not touched.
   * @param {HTMLElement} list @param {readonly string[]} keys @param {(key: string) => HTMLElement} make
   * @returns {ReadonlyMap<string, HTMLElement>}
   */
  function keyed(list, keys, make) {
    /** @type {Map<string, HTMLElement>} */
    const there = new Map();
    for (const child of [...list.children]) {
      if (child instanceof HTMLElement) there.set(child.dataset['key'] ?? '', child);
    }
    /** @type {Map<string, HTMLElement>} */
    const kept = new Map();
    for (const [at, key] of keys.entries()) {
      const child = there.get(key) ?? make(key);
      child.dataset['key'] = key;
      there.delete(key);
      kept.set(key, child);
      if (list.children[at] !== child) list.insertBefore(child, list.children[at] ?? null);
    }
    for (const child of there.values()) child.remove();
    return kept;
  }

  /** @param {number} at */
  function clockTime(at) {
    return new Date(at).toTimeString().slice(0, 8);
  }

  /** @param {number} at */
  function dateTime(at) {
    return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  }

  /** A dot of the state's colour in the tab. @param {Tone} of */
  function icon(of) {
    const link = byId('icon');
    if (!(link instanceof HTMLLinkElement) || link.dataset['tone'] === of) return;
    const colours = { well: '%232c8c5a', warned: '%23c98a00', ill: '%23d0402f', plain: '%23888' };
    const dot = `<circle cx='8' cy='8' r='6' fill='${colours[of]}'/>`;
    link.dataset['tone'] = of;
    link.href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${dot}</svg>`;
  }

  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    void ask();
  });
  const button = document.getElementById('rotate');
  if (button instanceof HTMLButtonElement) {
    button.addEventListener('click', () => void rotate(button));
  }
  void ask();
})();
