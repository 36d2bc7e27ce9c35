import { useEffect } from 'react';
import { visible } from '@/lib/text';

/** The title of the window, which screen readers tell when the page changes. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${visible(title).slice(0, 120)} · Runplane`;
  }, [title]);
}
