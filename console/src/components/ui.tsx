/** Small pieces: buttons, fields, notices. Strangers' text goes through `Text`, everywhere. */
import { type ComponentProps, type ReactNode, useId, useState } from 'react';
import { cut, visible } from '@/lib/text';
import css from './ui.module.css';

export const cx = (...names: (string | false | null | undefined)[]) => names.filter(Boolean).join(' ');

type ButtonProps = ComponentProps<'button'> & {
  tone?: 'primary' | 'danger' | 'dangerStrong' | 'quiet';
  tiny?: boolean;
};

export function Button({ tone, tiny, className, type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={cx(css.button, tone && css[tone], tiny && css.tiny, className)} {...rest} />;
}

/** Text of strangers: its own direction, what cannot be seen written out, and no more of it at once than helps. */
export function Text({ children, limit = 300 }: { children: string | null | undefined; limit?: number }) {
  const part = cut(children ?? '', limit);
  return (
    <bdi className={css.text}>
      {visible(part.text)}
      {part.left > 0 && <span className={css.soft}>{`… (${part.left.toLocaleString('en-GB')} more)`}</span>}
    </bdi>
  );
}

/** Long text with its line breaks; what is beyond `limit` is shown when asked for. */
export function LongText({ children, limit = 2000 }: { children: string; limit?: number }) {
  const [shown, setShown] = useState(limit);
  const part = cut(children, shown);
  return (
    <>
      <pre className={css.pre}>{visible(part.text)}</pre>
      {part.left > 0 && (
        <Button tiny onClick={() => setShown(shown + 20_000)}>
          {`Show more (${part.left.toLocaleString('en-GB')} characters)`}
        </Button>
      )}
    </>
  );
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  fault?: string | null | undefined;
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ReactNode;
}

/** A labelled input, with what is wrong with it. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ') || undefined;
  return (
    <div className={css.field}>
      <label className={css.label} htmlFor={id}>
        {label}
      </label>
      {children({
        id,
        ...(describedBy ? { 'aria-describedby': describedBy } : {}),
        ...(fault ? { 'aria-invalid': true } : {}),
      })}
      {hint && (
        <span id={`${id}-hint`} className={css.hint}>
          {hint}
        </span>
      )}
      {fault && (
        <span id={`${id}-fault`} className={css.fault}>
          {fault}
        </span>
      )}
    </div>
  );
}

export const Input = (props: ComponentProps<'input'>) => <input autoComplete="off" className={css.input} {...props} />;
export const TextArea = (props: ComponentProps<'textarea'>) => (
  <textarea spellCheck={false} className={css.input} {...props} />
);
export const Select = (props: ComponentProps<'select'>) => <select className={css.input} {...props} />;

export function Check({ label, ...rest }: ComponentProps<'input'> & { label: ReactNode }) {
  return (
    <label className={css.check}>
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}

export function Notice({
  tone,
  children,
  action,
}: {
  tone?: 'bad' | 'warn' | 'run';
  children: ReactNode;
  action?: ReactNode;
}) {
  const tones = { bad: css.noticeBad, warn: css.noticeWarn, run: css.noticeRun };
  return (
    <div className={cx(css.notice, tone && tones[tone])} role={tone === 'bad' ? 'alert' : 'status'}>
      <div>{children}</div>
      {action}
    </div>
  );
}

export function Card({ title, action, children }: { title?: ReactNode; action?: ReactNode; children: ReactNode }) {
  return (
    <section className={css.card}>
      {title && (
        <div className={css.cardHead}>
          <h2>{title}</h2>
          {action}
        </div>
      )}
      {children}
    </section>
  );
}

/** A list of facts: names and values. Those without a value are left out. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className={css.facts}>
      {of
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .flatMap(([name, value]) => [<dt key={`${name}-name`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className={css.skeleton} role="status">
      <span aria-hidden="true" />
      <span aria-hidden="true" />
      <span aria-hidden="true" />
      <em className={css.hidden}>Loading {what}</em>
    </div>
  );
}
