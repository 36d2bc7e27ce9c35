import { describe, expect, it } from 'vitest';
import { cut, formatBytes, plural, shortId, visible } from './text';

describe('hostile text', () => {
  it('shows marks that turn the text around them', () => {
    expect(visible('invoice\u202egpj.exe')).toBe('invoice⟨U+202E⟩gpj.exe');
    expect(visible('a\u2066b\u2069')).toBe('a⟨U+2066⟩b⟨U+2069⟩');
  });
  it('shows control characters by their pictures, but tabs and line breaks as they are', () => {
    expect(visible('\u001b[31mred\u0007\tand\nmore\u007f')).toBe('␛[31mred␇\tand\nmore␡');
  });
  it('leaves letters of every script and emoji alone', () => {
    const text = 'naïve 東京 שלום 👩🏽‍🚀 <script>alert(1)</script>';
    expect(visible(text)).toBe(text);
  });
  it('is never cut in the middle of an emoji', () => {
    expect(cut('ab😀cd', 3)).toEqual({ text: 'ab', left: 4 });
    expect(cut('ab😀cd', 4)).toEqual({ text: 'ab😀', left: 2 });
    expect(cut('short', 10)).toEqual({ text: 'short', left: 0 });
  });
});

it('short forms', () => {
  expect(shortId('0193f0e2-1111-7222-8333-444455556666')).toBe('…55556666');
  expect(plural(1, 'run')).toBe('1 run');
  expect(plural(1200, 'run')).toBe('1,200 runs');
  expect(formatBytes(1536)).toBe('1.5 KiB');
});
