// How several panes share the room: as tiles that a person splits, moves and sizes, or where there is no
// room for tiles, one at a time, with tabs above them and swipes between them.
//
// shell.js loads this module when it is first used. The app has the panes and does not know where they
// are; what is said to it here is only what a person could have pressed. This module sees which panes
// are in the page, puts each in its place, and has them follow each other in the page as they are read.
// It keeps the arrangement, and what the panes are called, over a reload.
//
// An arrangement is the number of a pane, or `{ down, of, parts }`: several arrangements below each other
// (`down`) or beside each other, and the part of the room that each of them has. Parts add up to 1.

/** A narrower room has tabs, in CSS pixels. */
const TILES_PX_MIN = 540;
/** The least part that one of two neighbours has of their room, and how far a key moves their edge. */
const PART_MIN = 0.1;
const PART_STEP = 0.05;
/** How far a title is dragged before its pane moves, in CSS pixels. */
const DRAG_PX = 6;
/** How near to an edge of another pane it is dropped to be beside it, as a part of that pane. */
const EDGE_PART = 0.3;
/** As many panes as the app has (`PANES_MAX`). */
const PANES_MAX = 6;
const TITLE_MAX = 40;
/** Parts are the same that differ by less. */
const ALMOST = 0.001;

const SIDES = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' };

let table;
/** A text in the page's language, with `values` in the places of its `{}`. */
const t = (english, ...values) =>
  values.reduce((text, value) => text.replace('{}', value), table?.[english] ?? english);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Arrangements. These functions change what they are given, and return what takes its place.

/** The panes of an arrangement, in the order in which they are read. */
const leaves = (node) =>
  (node === null ? [] : typeof node === 'number' ? [node] : node.of.flatMap(leaves));

/** Puts `node` in order after a change: parts that add up to 1, and nothing that holds only one thing. */
function tidy(node) {
  if (typeof node === 'number') return node;
  const of = [];
  const parts = [];
  node.of.forEach((inner, index) => {
    const same = typeof inner !== 'number' && inner.down === node.down;
    of.push(...(same ? inner.of : [inner]));
    parts.push(...(same ? inner.parts : [1]).map((part) => part * node.parts[index]));
  });
  if (of.length === 1) return of[0];
  const sum = parts.reduce((all, part) => all + part);
  return { down: node.down, of, parts: parts.map((part) => part / sum) };
}

/** Does `change` to every leaf, which may become an arrangement, or `null` to be taken out. */
function grow(node, change) {
  if (node === null) return null;
  if (typeof node === 'number') return change(node);
  const grown = node.of.map((inner) => grow(inner, change));
  const kept = grown.map((inner, index) => index).filter((index) => grown[index] !== null);
  if (kept.length === 0) return null;
  const [of, parts] = [grown, node.parts].map((all) => kept.map((index) => all[index]));
  return tidy({ down: node.down, of, parts });
}

/** Two arrangements beside or below each other, `node` on this side of `other`. */
function beside(node, side, other, part = 0.5) {
  const isFirst = side === 'left' || side === 'up';
  const pair = isFirst ? [node, other] : [other, node];
  const parts = isFirst ? [part, 1 - part] : [1 - part, part];
  return tidy({ down: side === 'up' || side === 'down', of: pair, parts });
}

const without = (node, id) => grow(node, (leaf) => (leaf === id ? null : leaf));
const insert = (node, id, side, at) =>
  grow(node, (leaf) => (leaf === at ? beside(id, side, leaf) : leaf));
const swap = (node, one, other) =>
  grow(node, (leaf) => (leaf === one ? other : leaf === other ? one : leaf));

/** Calls `place` with each leaf and its box, and `edge` with each arrangement, the index of the first of two
 * neighbours in it, and the box of both. */
function measure(node, box, place, edge = () => {}) {
  if (typeof node === 'number') return place(node, box);
  const [at, size] = node.down ? ['y', 'h'] : ['x', 'w'];
  let from = box[at];
  const boxes = node.parts.map((part) => {
    const inner = { ...box, [at]: from, [size]: part * box[size] };
    from += inner[size];
    return inner;
  });
  node.of.forEach((inner, index) => {
    measure(inner, boxes[index], place, edge);
    if (index + 1 < boxes.length) {
      edge(node, index, { ...boxes[index], [size]: boxes[index][size] + boxes[index + 1][size] });
    }
  });
}

/** What was kept as text, as an arrangement of the numbers 1, 2, …; throws if it is none. */
function restored(node, next) {
  if (typeof node === 'number') return next();
  const { down, of, parts } = node;
  if (of.length !== parts.length || !parts.every((part) => part > 0 && part <= 1)) throw new Error();
  return tidy({ down: Boolean(down), of: of.map((inner) => restored(inner, next)), parts });
}

// What is seen.

/** What is shown: the arrangement of a sandbox's panes, or of the person's own (''). */
const arrangements = new Map();
let main = null;
let extra = null;
let status = null;
let panes = new Map();
let boxes = new Map();
/** Where the next new pane goes: beside which one. */
let wish = null;
/** What was kept, until the panes for it are open. */
let kept = null;
/** Of the tabs: the pane that is seen, and those that show something new. */
let current = 0;
const news = new Set();
let strip = null;

const shown = () => main.dataset.shown ?? '';
const arrangement = () => arrangements.get(shown()) ?? null;
const nameOf = (id) => panes.get(id).getAttribute('aria-label');
const isTabbed = () => main.dataset.mode === 'tabs';
const idOf = (pane) => Number(pane?.querySelector('.line input')?.id.slice('line-'.length));
const lineOf = (id) => panes.get(id)?.querySelector('.line input');

function say(text) {
  status.textContent = text;
}

/** Looks which panes there are, and draws. */
function look() {
  const there = document.querySelector('main.panes');
  // The page is not the app's yet.
  if (!there || there.closest('#shell')) return;
  if (there !== main) enter(there);
  const found = [...main.children].filter((child) => child.matches('.pane'));
  panes = new Map(found.map((pane) => [idOf(pane), pane]));
  const mine = shown() === '';
  if (kept && mine && !reopen()) return;
  let node = arrangement();
  for (const id of leaves(node)) if (!panes.has(id)) node = without(node, id);
  for (const id of panes.keys()) if (!leaves(node).includes(id)) node = add(node, id);
  arrangements.set(shown(), node);
  draw();
}

/** The page has a new room for panes: the first one, or another one because its language has changed. */
function enter(there) {
  main = there;
  strip?.remove();
  strip = null;
  status = element('p', { className: 'unseen', role: 'status' });
  extra = element('div', { className: 'edges' });
  main.append(element('div', { className: 'extra' }, extra, status));
  inside.disconnect();
  inside.observe(main, { childList: true });
  titles.disconnect();
  titles.observe(main, { subtree: true, attributeFilter: ['data-title', 'data-shown'] });
  size.disconnect();
  size.observe(main);
  redstart.texts().then((texts) => {
    table = texts;
    draw();
  });
}

/** Opens the panes that were kept; whether they are all there, so that they have their places. */
function reopen() {
  const { node, names } = kept;
  if (panes.size < names.length) {
    if (!kept.isAsked) {
      kept.isAsked = true;
      // Under these names they are called as they would be without one, and the caret stays where it is.
      for (let id = 2; id <= names.length; id += 1) redstart.ask(5, '', String(id), '');
    }
    return false;
  }
  kept = null;
  const ids = [...panes.keys()];
  arrangements.set('', grow(node, (leaf) => ids[leaf - 1]));
  names.forEach((name, index) => {
    if (name) redstart.ask(10, String(ids[index]), '', name);
  });
  return true;
}

function keep() {
  if (kept || shown() !== '') return;
  const node = arrangement();
  const names = leaves(node).map((id) => panes.get(id).dataset.title);
  const isWorth = names.length > 1 || names.some(Boolean);
  redstart.keep('panes', isWorth ? JSON.stringify({ node, names }) : '');
}

/** Adds a pane where it is wished, or where there is most room. */
function add(node, id) {
  if (node === null) return id;
  let { side, at } = wish ?? {};
  wish = null;
  if (isTabbed()) {
    at = leaves(node).at(-1);
    side = 'right';
  } else if (!leaves(node).includes(at)) {
    let most = 0;
    const { clientWidth, clientHeight } = main;
    measure(node, { x: 0, y: 0, w: clientWidth, h: clientHeight }, (leaf, { w, h }) => {
      if (w * h <= most + 1) return;
      most = w * h;
      at = leaf;
      side = w > h ? 'right' : 'down';
    });
  }
  return insert(node, id, side, at);
}

/** Shows another arrangement of the same panes. */
function show(node) {
  arrangements.set(shown(), node);
  draw();
}

function draw() {
  const node = arrangement();
  if (node === null || kept) return;
  const order = leaves(node);
  const mode = order.length === 1 ? 'one' : main.clientWidth < TILES_PX_MIN ? 'tabs' : 'tiles';
  const isOther = main.dataset.mode !== mode;
  main.dataset.mode = mode;
  const isMoved = sort(order);
  boxes = new Map();
  const edges = [];
  const whole = { x: 0, y: 0, w: 1, h: 1 };
  measure(node, whole, (id, box) => boxes.set(id, box), (...edge) => edges.push(edge));
  for (const [id, pane] of panes) {
    pane.id = `pane-${id}`;
    const more = pane.querySelector('.more');
    more.title = t("Alt and an arrow key move the pane");
    more.ariaKeyShortcuts = 'Alt+ArrowLeft Alt+ArrowRight Alt+ArrowUp Alt+ArrowDown';
    put(pane, boxes.get(id));
  }
  drawEdges(mode === 'tiles' ? edges : []);
  drawTabs(mode === 'tabs' ? order : []);
  if (isOther || isMoved) reveal(document.activeElement.closest('.pane'), 'instant');
  keep();
}

/** Brings a pane into sight, where one is seen at a time. */
function reveal(pane, behavior = 'auto') {
  if (pane && isTabbed()) pane.scrollIntoView({ block: 'nearest', inline: 'center', behavior });
}

function put(made, box) {
  for (const side of 'xywh') made.style.setProperty(`--${side}`, box[side]);
}

/** Has the panes follow each other in the page as they do in the arrangement. What is moved in a page loses
 * the focus and how far it is scrolled. Whether something was moved. */
function sort(order) {
  if (main.lastChild !== extra.parentElement) main.append(extra.parentElement);
  const wanted = order.map((id) => panes.get(id));
  const is = [...main.children].filter((child) => wanted.includes(child));
  if (is.every((pane, index) => pane === wanted[index])) return false;
  const focused = document.activeElement;
  const scrolled = is.map((pane) => {
    const log = pane.querySelector('.scroll');
    return [log, log.scrollTop];
  });
  wanted.forEach((pane) => main.insertBefore(pane, extra.parentElement));
  scrolled.forEach(([log, top]) => { log.scrollTop = top; });
  focused.focus({ preventScroll: true });
  return true;
}

// Edges between panes.

function drawEdges(edges) {
  while (extra.children.length > edges.length) extra.lastChild.remove();
  // One that is being dragged stays the same element.
  while (extra.children.length < edges.length) extra.append(element('div', { tabIndex: 0, role: 'separator' }));
  edges.forEach(([node, index, box], at) => drawEdge(extra.children[at], node, index, box));
}

function drawEdge(made, node, index, box) {
  const { down, parts } = node;
  const both = parts[index] + parts[index + 1];
  const part = parts[index] / both;
  const [before] = leaves(node.of[index]);
  made.className = down ? 'edge down' : 'edge';
  made.ariaOrientation = down ? 'horizontal' : 'vertical';
  made.ariaLabel = t("Size of {}", nameOf(before));
  made.ariaValueNow = Math.round(part * 100);
  made.ariaValueMin = PART_MIN * 100;
  made.ariaValueMax = 100 - PART_MIN * 100;
  made.setAttribute('aria-controls', `pane-${before}`);
  put(made, down ? { ...box, y: box.y + box.h * part, h: 0 } : { ...box, x: box.x + box.w * part, w: 0 });
  const resize = (wanted) => {
    const next = Math.min(Math.max(wanted, PART_MIN), 1 - PART_MIN);
    parts[index] = both * next;
    parts[index + 1] = both - parts[index];
    draw();
  };
  made.onkeydown = (event) => {
    const steps = down ? { ArrowUp: -1, ArrowDown: 1 } : { ArrowLeft: -1, ArrowRight: 1 };
    const wanted = { Home: 0, End: 1, Enter: 0.5 }[event.key] ?? part + steps[event.key] * PART_STEP;
    if (Number.isNaN(wanted) || event.altKey) return;
    event.preventDefault();
    resize(wanted);
  };
  made.ondblclick = () => resize(0.5);
  made.onpointerdown = (event) => made.setPointerCapture(event.pointerId);
  made.onpointermove = (event) => {
    if (!made.hasPointerCapture(event.pointerId)) return;
    const room = main.getBoundingClientRect();
    const at = down ? (event.clientY - room.top) / room.height : (event.clientX - room.left) / room.width;
    resize(down ? (at - box.y) / box.h : (at - box.x) / box.w);
  };
}

// Tabs, where one pane is seen at a time.

function drawTabs(order) {
  if (order.length === 0) {
    strip?.remove();
    strip = null;
    watching.disconnect();
    return;
  }
  if (!strip) {
    strip = element('nav', { className: 'pane-tabs' });
    main.before(strip);
  }
  strip.ariaLabel = t("Panes");
  strip.replaceChildren(...order.map((id) => {
    const tab = element('button', { type: 'button', textContent: nameOf(id) });
    if (id === current) tab.ariaCurrent = 'true';
    tab.toggleAttribute('data-news', news.has(id));
    tab.onclick = () => reveal(panes.get(id));
    return tab;
  }));
  for (const pane of panes.values()) {
    watching.observe(pane);
    output.observe(pane.querySelector('.log'), { childList: true, subtree: true, characterData: true });
  }
}

/** Draws the tabs again because what they tell has changed. */
function mark() {
  const focused = [...strip?.children ?? []].indexOf(document.activeElement);
  if (isTabbed()) drawTabs(leaves(arrangement()));
  strip?.children[focused]?.focus();
}

const watching = new IntersectionObserver((entries) => {
  const seen = entries.find((entry) => entry.isIntersecting)?.target;
  if (!seen || !isTabbed()) return;
  current = idOf(seen);
  news.delete(current);
  mark();
  strip.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}, { threshold: 0.6 });

const output = new MutationObserver((changes) => {
  if (!isTabbed()) return;
  const ids = changes.map(({ target }) => idOf((target.closest ? target : target.parentElement)?.closest('.pane')));
  const others = ids.filter((id) => id && id !== current && !news.has(id));
  others.forEach((id) => news.add(id));
  if (others.length > 0) mark();
});

// Moving.

/** The pane next to this one on a side, if there is one. */
function neighbour(id, side) {
  if (isTabbed()) {
    const order = leaves(arrangement());
    return order[order.indexOf(id) + { left: -1, right: 1 }[side]];
  }
  const box = boxes.get(id);
  const isAcross = side === 'left' || side === 'right';
  const [at, length, along, extent] = isAcross ? ['x', 'w', 'y', 'h'] : ['y', 'h', 'x', 'w'];
  const [first, second] = side === 'left' || side === 'up' ? [1, 0] : [0, 1];
  const middle = box[along] + box[extent] / 2;
  for (const [other, there] of boxes) {
    const pair = [box, there];
    const gap = pair[second][at] - pair[first][at] - pair[first][length];
    const isBeside = there[along] <= middle && middle < there[along] + there[extent];
    if (other !== id && Math.abs(gap) < ALMOST && isBeside) return other;
  }
  return undefined;
}

/** What becomes of the arrangement when a pane moves to a side; `null` if it cannot. */
function moved(id, side) {
  const other = neighbour(id, side);
  if (other) return swap(arrangement(), id, other);
  const { w, h } = boxes.get(id);
  const isAtEdge = (side === 'left' || side === 'right' ? h : w) > 1 - ALMOST;
  if (isTabbed() || isAtEdge) return null;
  // It takes the whole edge.
  const rest = without(arrangement(), id);
  const count = typeof rest !== 'number' && rest.down === (side === 'up' || side === 'down') ? rest.of.length : 1;
  return beside(id, side, rest, 1 / (count + 1));
}

function move(id, side) {
  const next = moved(id, side);
  if (next !== null) rearrange(id, next);
}

function rearrange(id, next) {
  show(next);
  const order = leaves(next);
  say(t("{} is pane {} of {} now.", nameOf(id), order.indexOf(id) + 1, order.length));
  reveal(panes.get(id));
}

/** A pane is dragged by its title. */
function drag(event) {
  const bar = event.target.closest?.('.pane-bar');
  if (!bar || event.button !== 0 || main?.dataset.mode !== 'tiles') return;
  if (!main.contains(bar) || event.target.closest('button, select, input')) return;
  const id = idOf(bar.closest('.pane'));
  const marker = element('div', { className: 'drop' });
  let drop = null;
  const follow = ({ clientX, clientY }) => {
    if (Math.hypot(clientX - event.clientX, clientY - event.clientY) < DRAG_PX && !marker.isConnected) return;
    main.dataset.dragged = id;
    extra.parentElement.append(marker);
    const at = idOf(document.elementFromPoint(clientX, clientY)?.closest('.pane'));
    drop = panes.has(at) && at !== id ? target(at, clientX, clientY) : null;
    put(marker, drop ? drop.box : boxes.get(id));
  };
  const end = () => {
    marker.remove();
    delete main.dataset.dragged;
    stop.abort();
  };
  const stop = new AbortController();
  const { signal } = stop;
  bar.setPointerCapture(event.pointerId);
  bar.addEventListener('pointermove', follow, { signal });
  bar.addEventListener('pointercancel', end, { signal });
  addEventListener('keydown', ({ key }) => { if (key === 'Escape') end(); }, { signal });
  bar.addEventListener('pointerup', () => {
    end();
    if (!drop) return;
    const { side, at } = drop;
    const next = side ? insert(without(arrangement(), id), id, side, at) : swap(arrangement(), id, at);
    rearrange(id, next);
  }, { signal });
}

/** Where a pane lands that is dropped over another: on one of its sides, or else in its place. */
function target(at, x, y) {
  const { left, top, width, height } = panes.get(at).getBoundingClientRect();
  const [right, down] = [(x - left) / width, (y - top) / height];
  const near = Object.entries({ left: right, up: down, right: 1 - right, down: 1 - down });
  const [side, part] = near.reduce((best, one) => (one[1] < best[1] ? one : best));
  const box = boxes.get(at);
  if (part > EDGE_PART) return { at, box };
  const half = {
    left: { w: box.w / 2 },
    right: { x: box.x + box.w / 2, w: box.w / 2 },
    up: { h: box.h / 2 },
    down: { y: box.y + box.h / 2, h: box.h / 2 },
  }[side];
  return { at, side, box: { ...box, ...half } };
}

// What a pane's menu has.

function split(id, side) {
  wish = { at: id, side };
  document.querySelector('.bar button.main').click();
}

/** Lets a person write what a pane is called, in the place where it stands. */
function rename(id) {
  const pane = panes.get(id);
  const title = pane.querySelector('h2');
  if (title.hidden) return;
  const field = element('input', {
    className: 'title', value: pane.dataset.title, placeholder: title.textContent, maxLength: TITLE_MAX,
    ariaLabel: t("Name of {}", title.textContent), autocomplete: 'off', spellcheck: false,
  });
  const end = (isKept) => {
    if (!title.hidden) return;
    title.hidden = false;
    field.remove();
    if (isKept) redstart.ask(10, String(id), '', field.value.trim());
  };
  field.onblur = () => end(true);
  field.onkeydown = ({ key, isComposing }) => {
    if (isComposing || (key !== 'Enter' && key !== 'Escape')) return;
    end(key === 'Enter');
    lineOf(id)?.focus();
  };
  title.hidden = true;
  title.after(field);
  field.select();
}

function openMenu(button) {
  const id = idOf(button.closest('.pane'));
  if (!panes.has(id)) return;
  const isFull = panes.size >= PANES_MAX;
  const go = (side) => [() => move(id, side), moved(id, side) === null];
  const splits = isTabbed() ? [] : [
    [t("Split to the right"), () => split(id, 'right'), isFull],
    [t("Split below"), () => split(id, 'down'), isFull],
  ];
  const moves = isTabbed() ? [] : [[t("Move up"), ...go('up')], [t("Move down"), ...go('down')]];
  const entries = [
    [t("Rename"), () => rename(id), false],
    ...splits,
    [t("Move left"), ...go('left')],
    [t("Move right"), ...go('right')],
    ...moves,
    [t("Close"), () => panes.get(id).querySelector('.close').click(), panes.size === 1],
  ];
  const menu = element('div', { className: 'menu', role: 'menu', popover: 'auto', ariaLabel: button.ariaLabel });
  menu.append(...entries.map(([text, work, isOff]) => {
    const item = element('button', { type: 'button', role: 'menuitem', textContent: text, tabIndex: -1 });
    item.disabled = isOff;
    item.onclick = () => {
      menu.hidePopover();
      work();
    };
    return item;
  }));
  const items = [...menu.children].filter((item) => !item.disabled);
  menu.onkeydown = (event) => {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1, Tab: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to === null) menu.hidePopover();
    else items.at(to % items.length).focus();
  };
  menu.ontoggle = ({ newState }) => {
    if (newState === 'closed') menu.remove();
  };
  extra.parentElement.append(menu);
  menu.showPopover();
  const from = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const top = from.bottom + height > innerHeight ? Math.max(0, from.top - height) : from.bottom;
  Object.assign(menu.style, { left: `${Math.max(0, from.right - width)}px`, top: `${top}px` });
  items[0].focus();
}

/** Does what an event asks for that shell.js has let through: the button of a menu, a title, or F2. */
export function wanted(event) {
  look();
  if (boxes.size === 0) return;
  const pane = event.target.closest?.('.pane') ?? [...panes.values()][0];
  if (event.type === 'click') openMenu(event.target.closest('.more'));
  else rename(idOf(pane));
}

const inside = new MutationObserver(look);
const titles = new MutationObserver(look);
const size = new ResizeObserver(draw);
new MutationObserver(look).observe(document.getElementById('app'), { childList: true });
document.addEventListener('pointerdown', drag);
document.addEventListener('keydown', (event) => {
  const button = event.target.closest?.('.more');
  if (!event.altKey || !SIDES[event.key] || !button) return;
  event.preventDefault();
  move(idOf(button.closest('.pane')), SIDES[event.key]);
});

const style = element('link', { rel: 'stylesheet', href: 'panes.css' });
document.head.append(style);
await new Promise((loaded) => { style.onload = style.onerror = loaded; });

try {
  const { node, names } = JSON.parse(redstart.kept('panes'));
  let count = 0;
  const tree = restored(node, () => { count += 1; return count; });
  if (count === names.length && count <= PANES_MAX) kept = { node: tree, names: names.map(String) };
} catch {
  // Nothing was kept, or nothing that can be read.
}
look();
