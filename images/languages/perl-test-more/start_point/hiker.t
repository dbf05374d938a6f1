use strict;
use warnings;
use lib '.';
use Test::More tests => 1;
use Hiker;

is(Hiker::answer(), 42, 'life, the universe and everything');
