bash test_hiker.sh
