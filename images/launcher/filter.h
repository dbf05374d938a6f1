#ifndef FILTER_H
#define FILTER_H

/* Takes from this process, for ever and for all its children, what no learner needs. 0 or -1. */
int filter_system_calls(void);

#endif
