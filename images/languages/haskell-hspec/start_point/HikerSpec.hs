module Main (main) where

import Hiker (answer)
import Test.Hspec

main :: IO ()
main = hspec $
  describe "Hiker" $
    it "life, the universe and everything" $
      answer `shouldBe` 42
