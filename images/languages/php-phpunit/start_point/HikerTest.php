<?php

require_once 'Hiker.php';

use PHPUnit\Framework\TestCase;

class HikerTest extends TestCase
{
    public function testLifeTheUniverseAndEverything()
    {
        $this->assertSame(42, answer());
    }
}
