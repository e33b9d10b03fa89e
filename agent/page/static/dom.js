/* Elements made by hand: text is always text, so that nothing of what a peer says can become markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return an element. `attributes`: by name; `on<event>` takes a function, true is an attribute without a value,
 * false, null and undefined are none. `children`: nodes, texts and numbers; what is null or false is left out,
 * arrays are taken apart.
 */
export function h(tag, attributes, ...children) {
  return made(document.createElement(tag), attributes, children);
}

/** The same in the namespace of SVG. */
export function svg(tag, attributes, ...children) {
  return made(document.createElementNS(SVG, tag), attributes, children);
}

/** Put `children` in the place of what `node` holds; returns `node`. */
export function replace(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** Write `text` into `node` unless it is there: what has not changed costs no layout. */
export function setText(node, text) {
  const only = node.firstChild;
  if (only !== null && only === node.lastChild && only.nodeType === Node.TEXT_NODE) {
    if (only.data !== text) only.data = text;
  } else if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Set an attribute, or remove it, unless it is so. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
