/* The files of one hand-over, as runner/container/hand_over.py's pack writes them. */
#ifndef UNTAR_H
#define UNTAR_H

/* Makes the folders and files of the tar that is read from `from`, to its end, below where we
 * stand. 0, or -1 when that failed, when the tar is cut or when a name would lead elsewhere; what was
 * made by then stays. */
int untar(int from);

#endif
