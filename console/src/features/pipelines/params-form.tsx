/** A form made from the `params` of a version; loaded when a run is started. */
import Form from '@rjsf/core';
import type {
  DescriptionFieldProps,
  FieldTemplateProps,
  IconButtonProps,
  RJSFSchema,
  SubmitButtonProps,
  TemplatesType,
  UiSchema,
} from '@rjsf/utils';
import { useMemo } from 'react';
import type { Fault } from '@/api/problem';
import { Text } from '@/components/ui';
import { isObject } from '@/lib/spec';
import css from './params-form.module.css';
import { fromApi, validator } from './validator';

interface Props {
  params: Record<string, unknown>;
  value: Record<string, unknown>;
  onChange: (value: Record<string, unknown>) => void;
  onSubmit: () => void;
  /** What the API found. */
  faults: readonly Fault[];
  id: string;
}

export default function ParamsForm({ params, value, onChange, onSubmit, faults, id }: Props) {
  const schema = useMemo(() => ({ type: 'object', ...params }) as RJSFSchema, [params]);
  const uiSchema = useMemo(() => ({ ...secretsOf(params), 'ui:submitButtonOptions': { norender: true } }), [params]);
  const extraErrors = useMemo(() => fromApi(faults), [faults]);
  return (
    <Form
      id={id}
      className={css.form}
      schema={schema}
      uiSchema={uiSchema}
      validator={validator}
      formData={value}
      extraErrors={extraErrors}
      extraErrorsBlockSubmit={false}
      templates={templates}
      showErrorList={false}
      noHtml5Validate
      focusOnFirstError
      liveOmit={false}
      onChange={({ formData }) => onChange((formData ?? {}) as Record<string, unknown>)}
      onSubmit={() => onSubmit()}
    />
  );
}

/** Parameters with `x-secret` are typed as passwords are. */
function secretsOf(schema: unknown): UiSchema {
  if (!isObject(schema)) return {};
  if (schema['x-secret'] === true) return { 'ui:widget': 'password', 'ui:autocomplete': 'off' };
  const properties = isObject(schema.properties) ? schema.properties : {};
  return Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, secretsOf(child)]));
}

function Field({
  id,
  label,
  required,
  children,
  errors,
  help,
  description,
  hidden,
  displayLabel,
  classNames,
}: FieldTemplateProps) {
  if (hidden) return <div hidden>{children}</div>;
  return (
    <div className={`rjsf-field ${classNames ?? ''}`}>
      {displayLabel && label && (
        <label htmlFor={id}>
          <Text limit={200}>{label}</Text>
          {required ? ' (required)' : ''}
        </label>
      )}
      {displayLabel && description}
      {children}
      {errors}
      {help}
    </div>
  );
}

function Description({ id, description }: DescriptionFieldProps) {
  if (!description) return null;
  return (
    <p id={id} className="field-description">
      {typeof description === 'string' ? <Text limit={1000}>{description}</Text> : description}
    </p>
  );
}

function WordButton({ onClick, disabled, id, word }: IconButtonProps & { word: string }) {
  return (
    <button type="button" id={id} onClick={onClick} disabled={disabled}>
      {word}
    </button>
  );
}

const templates: Partial<TemplatesType> = {
  FieldTemplate: Field,
  DescriptionFieldTemplate: Description,
  ButtonTemplates: {
    SubmitButton: (_: SubmitButtonProps) => null,
    AddButton: (props) => <WordButton {...props} word="Add" />,
    CopyButton: (props) => <WordButton {...props} word="Duplicate" />,
    MoveDownButton: (props) => <WordButton {...props} word="Down" />,
    MoveUpButton: (props) => <WordButton {...props} word="Up" />,
    RemoveButton: (props) => <WordButton {...props} word="Remove" />,
    ClearButton: (props) => <WordButton {...props} word="Clear" />,
  },
};
