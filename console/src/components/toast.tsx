import { Toast } from '@base-ui/react/toast';
import css from './dialog.module.css';

const manager = Toast.createToastManager();

/** Says in passing that something was done; read out by screen readers. */
export function tell(title: string): void {
  manager.add({ title, timeout: 5000 });
}

function Shown() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={css.toast}>
      <Toast.Title />
    </Toast.Root>
  ));
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager}>
      <Toast.Portal>
        <Toast.Viewport className={css.toasts}>
          <Shown />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
