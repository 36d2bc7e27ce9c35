// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { Json } from './json';
import { LongText, Text } from './ui';

afterEach(cleanup);

const SCRIPT = '<script>globalThis.owned = true</script><img src=x onerror="globalThis.owned = true">';

describe('hostile text is shown as text', () => {
  it('in names', () => {
    const { container } = render(<Text>{`${SCRIPT}\u202e\u0007`}</Text>);
    expect(container.textContent).toBe(`${SCRIPT}⟨U+202E⟩␇`);
    expect(container.querySelectorAll('script, img')).toHaveLength(0);
    expect(container.querySelector('bdi')).not.toBeNull();
  });

  it('of 100 KB is cut, and says how much there is more', () => {
    const { container } = render(<Text>{'x'.repeat(100_000)}</Text>);
    expect(container.textContent).toHaveLength(300 + '… (99,700 more)'.length);
  });

  it('in lines of a log, where the rest comes when it is asked for', () => {
    const { container } = render(<LongText limit={10}>{'abcdefghij0123456789'}</LongText>);
    expect(container.querySelector('pre')?.textContent).toBe('abcdefghij');
    fireEvent.click(screen.getByRole('button', { name: /10 characters/ }));
    expect(container.querySelector('pre')?.textContent).toBe('abcdefghij0123456789');
  });
});

describe('JSON', () => {
  it('shows keys and values as text', () => {
    const { container } = render(<Json value={{ [SCRIPT]: { deep: SCRIPT } }} what="it" />);
    expect(container.querySelectorAll('script, img')).toHaveLength(0);
    expect(container.textContent).toContain(`deep: "${SCRIPT}"`);
  });

  it('draws what is open, and of much the first hundred', () => {
    const list = Array.from({ length: 5000 }, (_, index) => index);
    render(<Json value={{ list, nested: { a: { b: 'hidden' } } }} what="it" />);
    expect(screen.queryByText('"hidden"')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: /list.*\[5000\]/ }));
    expect(screen.getAllByRole('listitem').length).toBeLessThan(110);
    fireEvent.click(screen.getByRole('button', { name: 'Show more (4900)' }));
    expect(screen.getAllByRole('listitem').length).toBeGreaterThan(1000);
  });

  it('of great depth opens step by step', () => {
    let value: unknown = 'end';
    for (let i = 0; i < 64; i++) value = { a: value };
    render(<Json value={value} what="it" />);
    expect(screen.getAllByRole('button', { expanded: true })).toHaveLength(2);
  });
});
