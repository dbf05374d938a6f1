/* Switches of the kernel's that each cell has anew, with values that are not the container's. */
#ifndef SWITCHES_H
#define SWITCHES_H

/* Reads the switches as the engine set them for the container; called once, outside of any cell. */
void read_switches(void);

/* Sets them in this cell. Returns NULL, or the path of the switch that cannot be set, with errno. */
const char *set_switches(unsigned group);

#endif
