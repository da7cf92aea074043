// What a request came to, as the labels of its series say it.

/** What the requests of a series were, from its labels; metrics sources know it. */
export type OutcomeOf = (labels: Readonly<Record<string, string>>) => 'success' | 'clientError' | 'serverError' | 'ignore';
