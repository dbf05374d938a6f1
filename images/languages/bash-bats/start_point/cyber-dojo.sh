bats --tap ./*.bats
