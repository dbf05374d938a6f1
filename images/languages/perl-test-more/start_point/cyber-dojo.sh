prove --verbose ./*.t
