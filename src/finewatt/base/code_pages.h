// release_code_pages: lets a process that has started, and now mostly waits, hold less memory.
//
// Most of what a small program holds is its code: the kernel maps 64 KiB around every place that
// runs, and the code that starts a program does not run again. Not for memory with content.
#pragma once

namespace finewatt {

/// Give back the pages of code and constants that the program and its libraries have touched so
/// far. They stay in the page cache and come back one by one where they are used again, which takes
/// microseconds. Changes nothing a program can see; breakpoints of a debugger are lost.
void release_code_pages();

}  // namespace finewatt
