#include "hiker.h"
#include <assert.h>
#include <stdio.h>

int main(void)
{
    assert(answer() == 42);
    puts("All tests passed");
}
