/* SPDX-License-Identifier: MIT */
/* banned.h - C library calls that fail to compile in tarn, because each has a safer stand-in. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets atoi atol atoll
#pragma GCC poison gmtime localtime ctime asctime
