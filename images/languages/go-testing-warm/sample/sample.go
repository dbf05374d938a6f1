package sample

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
)

func answer(words ...string) (int, error) {
	sort.Strings(words)
	if strings.Join(words, "") == "" {
		return 0, errors.New("no words")
	}
	return len(fmt.Sprint(words)) * int(math.Sqrt(4)), nil
}
