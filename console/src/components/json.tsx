/** JSON of strangers, of whatever size and depth: what is not open is not drawn. */
import { useState } from 'react';
import { cut, visible } from '@/lib/text';
import { Copy } from './copy';
import css from './json.module.css';
import { Button } from './ui';

const AT_ONCE = 100;
const LONG = 400;
const OPEN_TO = 2;

export function Json({ value, what }: { value: unknown; what: string }) {
  return (
    <div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to with the keyboard too */}
      <section className={css.json} aria-label={what} tabIndex={0}>
        <Value value={value} depth={0} />
      </section>
      <Copy text={() => JSON.stringify(value, null, 2)} what={what} label="Copy JSON" />
    </div>
  );
}

function Value({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  if (typeof value === 'object' && value !== null) return <Branch name={name} value={value} depth={depth} />;
  return (
    <span className={css.leaf}>
      <Name of={name} />
      <Leaf value={value} />
    </span>
  );
}

function Name({ of }: { of: string | undefined }) {
  if (of === undefined) return null;
  return (
    <span className={css.key}>
      <bdi>{visible(cut(of, 200).text)}</bdi>:{' '}
    </span>
  );
}

function Branch({ name, value, depth }: { name: string | undefined; value: object; depth: number }) {
  const list = Array.isArray(value);
  const size = list ? value.length : Object.keys(value).length;
  const [open, setOpen] = useState(depth < OPEN_TO && size <= AT_ONCE);
  const [shown, setShown] = useState(AT_ONCE);
  const counted = list ? `[${size}]` : `{${size}}`;
  if (size === 0) {
    return (
      <span className={css.leaf}>
        <Name of={name} />
        {list ? '[]' : '{}'}
      </span>
    );
  }
  const entries = open ? Object.entries(value).slice(0, shown) : [];
  return (
    <>
      <button type="button" className={css.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Name of={name} />
        <span className={css.count}>{counted}</span>
      </button>
      {open && (
        <ul>
          {entries.map(([key, child]) => (
            <li key={key}>
              <Value name={key} value={child} depth={depth + 1} />
            </li>
          ))}
          {size > shown && (
            <li>
              <Button tiny onClick={() => setShown(shown + 10 * AT_ONCE)}>
                {`Show more (${size - shown})`}
              </Button>
            </li>
          )}
        </ul>
      )}
    </>
  );
}

function Leaf({ value }: { value: unknown }) {
  const [shown, setShown] = useState(LONG);
  if (typeof value !== 'string') {
    return <span className={typeof value === 'number' ? css.number : css.word}>{String(value)}</span>;
  }
  const part = cut(value, shown);
  return (
    <>
      <bdi className={css.string}>
        {'"'}
        {visible(part.text)}
        {part.left === 0 && '"'}
      </bdi>
      {part.left > 0 && (
        <Button tiny onClick={() => setShown(shown + 20_000)}>
          {`Show more (${part.left.toLocaleString('en-GB')})`}
        </Button>
      )}
    </>
  );
}
