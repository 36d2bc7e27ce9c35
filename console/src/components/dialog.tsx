import { Dialog as Base } from '@base-ui/react/dialog';
import { Menu as BaseMenu } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';
import css from './dialog.module.css';
import { Button, cx } from './ui';
import ui from './ui.module.css';

interface DialogProps {
  title: ReactNode;
  open: boolean;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** A dialog: focus stays in it, Escape closes it, and comes back to where it was. */
export function Dialog({ title, open, onClose, wide, children }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={css.backdrop} />
        <Base.Popup className={cx(css.popup, wide && css.wide)}>
          <Base.Title className={css.title}>{title}</Base.Title>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

export function DialogActions({
  children,
  onCancel,
  cancel = 'Cancel',
}: {
  children?: ReactNode;
  onCancel: () => void;
  cancel?: string;
}) {
  return (
    <div className={css.actions}>
      <Button onClick={onCancel}>{cancel}</Button>
      {children}
    </div>
  );
}

export interface MenuItem {
  label: ReactNode;
  onSelect: () => void;
  disabled?: boolean;
}

export function Menu({
  trigger,
  label,
  items,
  heading,
}: {
  trigger: ReactNode;
  label?: string;
  items: MenuItem[];
  heading?: ReactNode;
}) {
  return (
    <BaseMenu.Root modal={false}>
      <BaseMenu.Trigger className={ui.button} aria-label={label}>
        {trigger}
      </BaseMenu.Trigger>
      <BaseMenu.Portal>
        <BaseMenu.Positioner sideOffset={6} align="end">
          <BaseMenu.Popup className={css.menu}>
            {heading && <div className={css.label}>{heading}</div>}
            {items.map((item, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: items do not move while a menu is open
              <BaseMenu.Item key={index} className={css.item} disabled={item.disabled ?? false} onClick={item.onSelect}>
                {item.label}
              </BaseMenu.Item>
            ))}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  ) as ReactElement;
}
