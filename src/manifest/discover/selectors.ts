import { listAt, type Tree, textAt, textsOf, treeAt } from '../tree.ts';

/** Whether labels are selected by a Kubernetes label selector (`matchLabels`, `matchExpressions`). An empty one selects all. */
export function matchesSelector(selector: Tree, labels: ReadonlyMap<string, string>): boolean {
  return (
    matchesLabels(treeAt(selector, 'matchLabels'), labels) &&
    listAt(selector, 'matchExpressions').every((expression) => matchesExpression(expression, labels))
  );
}

/** Whether `labels` holds every entry of `wanted`. */
export function matchesLabels(wanted: Tree, labels: ReadonlyMap<string, string>): boolean {
  return [...textsOf(wanted)].every(([key, value]) => labels.get(key) === value);
}

function matchesExpression(expression: unknown, labels: ReadonlyMap<string, string>): boolean {
  const key = textAt(expression, 'key') ?? '';
  const values = listAt(expression, 'values');
  const has = labels.has(key);
  switch (textAt(expression, 'operator')) {
    case 'In':
      return has && values.includes(labels.get(key));
    case 'NotIn':
      return !has || !values.includes(labels.get(key));
    case 'Exists':
      return has;
    case 'DoesNotExist':
      return !has;
    default:
      return false;
  }
}

/** Whether a selector says nothing, and so selects everything. */
export function isEmptySelector(selector: Tree): boolean {
  return Object.keys(treeAt(selector, 'matchLabels')).length === 0 && listAt(selector, 'matchExpressions').length === 0;
}
