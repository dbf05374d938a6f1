#include "hiker.hpp"
#include <gtest/gtest.h>

TEST(Hiker, Life_the_universe_and_everything)
{
    ASSERT_EQ(42, answer());
}
