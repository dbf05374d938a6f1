/* Switches of the kernel's that each cell has anew, with values that are not the container's. */
#ifndef SWITCHES_H
#define SWITCHES_H

/* As the engine set them for the container: to be called once, outside of any cell. */
void read_switches(void);

/* The same in this cell. NULL, or the path of the one that cannot be set, and errno. */
const char *set_switches(unsigned group);

#endif
