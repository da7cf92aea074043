// What a request came to, as the labels of its series say it.

/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** What the requests of a series were, from its labels; metrics sources know it. */
export type OutcomeOf = (labels: Labels) => 'success' | 'clientError' | 'serverError' | 'ignore';
